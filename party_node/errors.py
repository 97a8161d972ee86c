"""What a party node refuses, and what its user can do about it.

The first sentence of each class is what a user reads; `code` is stable and never reused; `hint`
says what to do. No message ever holds a secret or an identifier of a person.
`docs/reference/errors.md` has a row for each.
"""

import inspect
from typing import ClassVar


class NodeError(Exception):
    """The party node cannot do this."""

    code: ClassVar[str] = "node-error"
    hint: str = ""

    def __init__(self, detail: str = "", *, hint: str | None = None) -> None:
        self.detail = detail
        if hint is not None:
            self.hint = hint
        super().__init__(detail or self.sentence())

    @classmethod
    def sentence(cls) -> str:
        """Return the first sentence of the docstring, without its full stop."""
        return (inspect.getdoc(cls) or cls.__name__).split("\n", 1)[0].removesuffix(".")


class HomeMissing(NodeError):
    """There is no party node in this folder."""

    code = "home-missing"
    hint = "create one with `accord node create`, or name its folder with --home"


class HomeExists(NodeError):
    """The folder already holds a party node."""

    code = "home-exists"
    hint = "choose another folder; a node's keys and ledger are never overwritten"


class HomeDamaged(NodeError):
    """A file of the node's home folder cannot be used."""

    code = "home-damaged"
    hint = "restore the file from a backup; keys cannot be made anew for an existing ledger"


class SecretsExposed(NodeError):
    """A secret file of this node can be read by other users of the machine."""

    code = "secrets-exposed"


class InvalidSettings(NodeError):
    """The node's settings are not valid."""

    code = "invalid-settings"
    hint = "docs/reference/settings.md lists every setting"


class NotEnrolled(NodeError):
    """The node is not enrolled with a coordinator."""

    code = "not-enrolled"
    hint = "ask the coordinator's operator for an invitation, then run `accord enrol`"


class SchemaUnknown(NodeError):
    """The database was made by a newer or different version of this software."""

    code = "schema-unknown"
    hint = "install the version that made it; a node never changes a schema that it does not know"


class DatabaseUnreachable(NodeError):
    """The node's database does not answer."""

    code = "database-unreachable"
    hint = "check that the database runs and that the database URL in node.json is right"


class DiskFull(NodeError):
    """The disk that holds the node's database is full."""

    code = "disk-full"
    hint = "free some space, then repeat the command; nothing was half written"


class SealBroken(NodeError):
    """A stored secret does not open with this node's key."""

    code = "seal-broken"
    hint = "the key file `kek` and the database must come from the same node"


class DatasetUnreadable(NodeError):
    """The dataset's file cannot be read."""

    code = "dataset-unreadable"
    hint = "give a UTF-8 CSV file with a header line, or a Parquet file"


class MissingColumn(NodeError):
    """The file has no column of that name."""

    code = "missing-column"
    hint = "name the columns as they stand in the file's header line"


class DatasetChanged(NodeError):
    """The dataset's file has changed since it was registered."""

    code = "dataset-changed"
    hint = "register the dataset again, so that people and consents are matched to the new rows"


class UnknownDataset(NodeError):
    """The node has no dataset of that name."""

    code = "unknown-dataset"
    hint = "`accord dataset list` shows the datasets of this node"


class OutputRefused(NodeError):
    """The node does not write a file of this name."""

    code = "output-refused"
    hint = "name a new file; the node writes it to the folder `out` of its home"


class IdempotencyConflict(NodeError):
    """The source sent a different event under an event id that it used before."""

    code = "idempotency-conflict"
    hint = "an event is never edited: send a new event with a new id"


class LedgerForked(NodeError):
    """Another process has written to this node's consent ledger."""

    code = "ledger-forked"
    hint = "only one node process may run on a home folder; stop the other one and start again"


class LedgerMoved(NodeError):
    """The consent ledger grew while a decision was made."""

    code = "ledger-moved"
    hint = "try again"


class UnknownSubject(NodeError):
    """A record is about a person whom this node does not know."""

    code = "unknown-subject"
    hint = "`accord consent` records what people say, and makes a record of who is new"


class ErasedPerson(NodeError):
    """The person was erased here, and nothing is kept about them."""

    code = "erased-person"
    hint = "what they agreed to after that counts: record it with a method that is no copy"


class MergeRefused(NodeError):
    """These two records cannot be merged."""

    code = "merge-refused"
    hint = "name two different persons who are known here"


class LedgerDamaged(NodeError):
    """The consent ledger in the database is not the one that its checkpoints describe."""

    code = "ledger-damaged"
    hint = "stop using this node; restore the database from a backup and run `accord ledger verify`"


class LedgerStateDamaged(LedgerDamaged):
    """What follows from the ledger's entries does not fit them, and is made from them again."""

    code = "ledger-state-damaged"
    hint = "run `accord ledger fsck`: it says what was changed, and where"


class RowChanged(LedgerDamaged):
    """A row of the database is not as this node wrote it, and nothing is decided by it."""

    code = "row-changed"
    hint = (
        "run `accord ledger fsck`, with --offline if the node does not start: it names the row; "
        "restore the database from a backup"
    )


class CheckInterrupted(NodeError):
    """The check of the ledger stopped before its end."""

    code = "check-interrupted"
    hint = "repeat it; it changes nothing"


class NotPublished(NodeError):
    """No published checkpoint of the ledger covers this yet."""

    code = "not-published"
    hint = "try again when the witnesses answer; `accord ledger status` says how they are"


class FolderUnusable(NodeError):
    """The ledger cannot be written into this folder."""

    code = "folder-unusable"
    hint = "name an empty folder, or one that an earlier export of this ledger was written to"


class NotAUse(NodeError):
    """The entry is no use record, so there is no decision to make again."""

    code = "not-a-use"
    hint = "`accord audit` lists the use records with their entries"


class NotAStatement(NodeError):
    """Only what people said and chose can be appended by hand."""

    code = "not-a-statement"
    hint = "docs/spec/ledger.md says which entries can be appended, and what the ledger sets itself"


class PermissionRefused(NodeError):
    """These rows may not be read with this permission."""

    code = "permission-refused"
    hint = "rows are read only for a job whose use record is in the consent ledger"


class PermissionExpired(NodeError):
    """The permission to use these people's data has expired."""

    code = "permission-expired"
    hint = "run the job again: consent is then looked up again"


class UnknownOperation(NodeError):
    """The gate does not know this operation, so it says no."""

    code = "unknown-operation"
    hint = "docs/concepts/gate.md lists the operations"


class UnknownCollaboration(NodeError):
    """The node knows no collaboration of that name and version that is in force."""

    code = "unknown-collaboration"
    hint = "`accord collaboration list` shows the collaborations of this node"


class ExpiredCollaboration(NodeError):
    """The collaboration has expired."""

    code = "expired-collaboration"
    hint = "propose a new version with a later date; every party must countersign it"


class SupersededCollaboration(NodeError):
    """A newer version of the collaboration is in force."""

    code = "superseded-collaboration"
    hint = "ask for the job again: it then stands under the newest version"


class ClockSkewed(NodeError):
    """The clock of this machine differs too much from the coordinator's."""

    code = "clock-skewed"
    hint = "set the clock, for example by switching on time synchronisation"


class CoordinatorUnreachable(NodeError):
    """The coordinator does not answer."""

    code = "coordinator-unreachable"
    hint = "check the coordinator URL and the network; the node goes on trying"


class CoordinatorRefused(NodeError):
    """The coordinator refused the request."""

    code = "coordinator-refused"

    def __init__(self, reason: str, detail: str = "", *, hint: str | None = None) -> None:
        self.reason = reason
        super().__init__(f"{reason}: {detail}" if detail else reason, hint=hint)


class WrongKey(NodeError):
    """The key is not the one that was agreed for this party."""

    code = "wrong-key"
    hint = "compare fingerprints with the other party over the telephone before you go on"


class NotFound(NodeError):
    """There is nothing of that name here."""

    code = "not-found"
    hint = "check how it is written; most groups of commands have a `list`"


class IllegalState(NodeError):
    """In the state that it is in now, this cannot be done."""

    code = "illegal-state"


class NotRenewable(NodeError):
    """The budget cannot begin anew now."""

    code = "not-renewable"
    hint = "a budget begins anew in a new calendar month, and only where the agreement says so"


class InvalidCollaboration(NodeError):
    """The collaboration document cannot be used."""

    code = "invalid-collaboration"
    hint = "docs/tour.md shows a complete document"


class JobExpired(NodeError):
    """The job's time ran out while it was running."""

    code = "job-expired"
    hint = "ask for the job again"


class ConsentNarrowed(NodeError):
    """People withdrew while the job was interrupted, so it may not go on with their data."""

    code = "consent-narrowed"
    hint = "ask for the job again: it then stands on consent as it is now"


class KeptSetGone(NodeError):
    """The kept set that the job began with is not there any more: a person was erased meanwhile."""

    code = "kept-set-gone"
    hint = "ask for the job again: it then stands on the set as it is now"


class ModelGone(NodeError):
    """What it takes to score by the model of that earlier job is not at this node any more."""

    code = "model-gone"
    hint = "train anew: ask again for the job that made the model"


class StrictNeeded(NodeError):
    """The set is so small that matching must hide which curve an item lies on."""

    code = "strict-needed"
    hint = "ask for the job again with --strict; it takes longer and shows nothing of an item"


class ScoringNotAgreed(NodeError):
    """The agreement has no purpose for which people may be scored."""

    code = "scoring-not-agreed"
    hint = "Consent to training is none to being scored: agree on a purpose that covers both"


class JobRefused(NodeError):
    """The job does not fit the collaboration that it names."""

    code = "job-refused"
    hint = "`accord collaboration show` lists what may be asked for"

    def __init__(self, detail: str = "", *, cause: str = "", hint: str | None = None) -> None:
        self.cause = cause
        super().__init__(detail, hint=hint)


class PolicyUnusable(NodeError):
    """The trust policy cannot be used."""

    code = "policy-unusable"
    hint = "docs/operate/witness.md shows complete policies"


class QuorumMissed(NodeError):
    """Too few witnesses have cosigned this ledger's checkpoint."""

    code = "quorum-missed"
    hint = "the node goes on trying; `accord ledger policy show` says what each witness answered"
