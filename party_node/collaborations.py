"""Collaborations at this node: proposed, countersigned, checked, and which one a job stands under.

The coordinator stores and passes on; this node believes only signatures. A version is in force
here when every member's signature over exactly these bytes verifies with the key that the document
itself names, and this node's own member entry holds this node's keys.
"""

import json
from collections.abc import Callable
from functools import lru_cache

import structlog
from sqlmodel import col, select

from consent.defaults import DEFAULT_VOCABULARY
from consent.vocabulary import Vocabulary
from coordinator import wire
from party_node import collaboration_file
from party_node.accounts import Account
from party_node.coordinator_client import CoordinatorClient
from party_node.database import Database
from party_node.errors import (
    ExpiredCollaboration,
    InvalidCollaboration,
    SupersededCollaboration,
    UnknownCollaboration,
    WrongKey,
)
from party_node.job_tables import CollaborationRow
from protocols.codec import decode, encode
from protocols.collaboration import Collaboration, Member, digest
from protocols.collaboration_terms import MONTH, check_terms
from protocols.errors import ProtocolError
from protocols.keys import PartyKeys, PartyPublic
from protocols.signed import Signed, sign, verify

log = structlog.get_logger()


class Collaborations:
    """The agreements of this node."""

    def __init__(
        self,
        db: Database,
        client: CoordinatorClient,
        keys: PartyKeys,
        clock_ms: Callable[[], int],
        vocabulary: Callable[[], Vocabulary] = lambda: DEFAULT_VOCABULARY,
    ) -> None:
        """`vocabulary` returns what this node decides by just now."""
        self._db, self._client, self._keys, self._clock_ms = db, client, keys, clock_ms
        self._vocabulary = vocabulary

    def propose(self, text: str) -> Collaboration:
        """Read a collaboration file, fill in the members' keys, sign it and propose it.

        Raises: InvalidCollaboration; CoordinatorRefused for an unknown party or a version that
        exists.
        """
        file = collaboration_file.parse(text, self._vocabulary())
        if self._keys.party not in file.parties:
            raise InvalidCollaboration(
                f"this node is {self._keys.party}, which is not one of the parties"
            )
        members = {party: self._member(party) for party in file.parties}
        document = collaboration_file.to_record(file, members)
        signed = encode(sign(self._keys, document))
        self._remember(self._client.propose(document.collaboration, document.version, signed))
        return document

    def _member(self, party: str) -> Member:
        view = self._client.party(party)
        public = decode(PartyPublic, view.public)
        if public.party != party:
            raise WrongKey(f"the coordinator's key for {party} is made out to another name")
        return Member(party, view.name, public, view.ledger_vkey)

    def countersign(self, collaboration: str, version: int) -> Collaboration:
        """Sign a proposed version; it is in force once every member has.

        Raises: UnknownCollaboration, WrongKey if the document does not name this node's keys;
        UnknownProtocol if it names protocols of another version.
        """
        self.sync()
        row = self._row(collaboration, version)
        document = decode(Collaboration, row.document)
        check_terms(document)
        self._check_own_entry(document)
        signed = encode(sign(self._keys, document))
        self._remember(self._client.countersign(collaboration, version, signed))
        return document

    def _check_own_entry(self, document: Collaboration) -> None:
        me = document.member(self._keys.party)
        if me is None or me.public != self._keys.public():
            raise WrongKey("the document does not name this node's own keys")

    def sync(self) -> None:
        """Fetch what the coordinator has and keep what can be used.

        A document that cannot is left out: nobody's proposal may stand in the way of the others.
        """
        for view in self._client.collaborations():
            try:
                self._remember(view)
            except (InvalidCollaboration, ProtocolError) as e:
                log.warning("collaboration-left-out", version=view.version, cause=e.code)

    def _remember(self, view: wire.CollaborationView) -> None:
        document = decode(Collaboration, view.document)
        named = (document.collaboration, document.version)
        if named != (view.collaboration, view.version):
            raise InvalidCollaboration("the coordinator passed on a document under another name")
        signatures = {
            party: decode(Signed, data).signature
            for party, data in view.countersignatures.items()
            if _signed(document, party, data)
        }
        row = CollaborationRow(
            collaboration=document.collaboration,
            version=document.version,
            document=view.document,
            digest=digest(document),
            in_force=set(signatures) == {m.party for m in document.members},
            signed_by=",".join(sorted(signatures)),
        )
        with self._db.writing() as session:
            known = session.get(CollaborationRow, named)
            if known is None:  # others were checked by the version of Accord that met them
                check_terms(document)
            if known is not None and known.digest != row.digest:
                raise InvalidCollaboration("this version was seen before with other contents")
            if known is not None and known.in_force:
                # Signatures that were seen once are not unseen when somebody hides them.
                row.in_force, row.signed_by = True, known.signed_by
            stated = json.loads(known.countersignatures) if known is not None else {}
            stated |= {party: signature.hex() for party, signature in signatures.items()}
            row.countersignatures = json.dumps(stated, sort_keys=True)
            session.merge(row)

    def _row(self, collaboration: str, version: int) -> CollaborationRow:
        with self._db.reading() as session:
            row = session.get(CollaborationRow, (collaboration, version))
            if row is None:
                raise UnknownCollaboration(f"there is no version {version} of {collaboration} here")
            session.expunge(row)
            return row

    def all(self) -> list[tuple[Collaboration, CollaborationRow]]:
        """Return every known version with its signatures, oldest first."""
        with self._db.reading() as session:
            order = (col(CollaborationRow.collaboration), col(CollaborationRow.version))
            rows = session.exec(select(CollaborationRow).order_by(*order)).all()
            session.expunge_all()
        return [(decode(Collaboration, row.document), row) for row in rows]

    def current(self, collaboration: str) -> Collaboration:
        """Return the newest version in force.

        Raises: UnknownCollaboration, ExpiredCollaboration.
        """
        versions = [d for d, row in self.all() if d.collaboration == collaboration and row.in_force]
        if not versions:
            raise UnknownCollaboration(f"no version of {collaboration} is in force at this node")
        return self._unexpired(versions[-1])

    def by_digest(self, wanted: bytes) -> Collaboration:
        """Return the version in force that a job names, whatever the coordinator says of it.

        It may have been superseded since: `require_newest` asks that of jobs not yet accepted.
        Raises: UnknownCollaboration, ExpiredCollaboration.
        """
        named = select(CollaborationRow.document).where(
            CollaborationRow.digest == wanted, col(CollaborationRow.in_force)
        )
        with self._db.reading() as session:
            document = session.exec(named).first()
        if document is None:
            raise UnknownCollaboration(
                "the job names a collaboration that is not in force at this node"
            )
        return self._unexpired(_read(document))

    def countersigned(self, wanted: bytes) -> tuple[Collaboration, dict[str, bytes]]:
        """Return a version that was agreed, expired or not, with every member's signature over it.

        A signature is 64 bytes, over the encoded document with its kind as label
        (`protocols.signed`). Raises: UnknownCollaboration if this node never saw them all;
        CoordinatorUnreachable, CoordinatorRefused where they must be fetched first.
        """
        found = self._countersigned(wanted)
        if found is None:
            self.sync()
            found = self._countersigned(wanted)
        if found is None:
            raise UnknownCollaboration("this node does not have every party's signature over it")
        return found

    def _countersigned(self, wanted: bytes) -> tuple[Collaboration, dict[str, bytes]] | None:
        for document, row in self.all():
            stated = json.loads(row.countersignatures)
            if row.digest == wanted and set(stated) == {m.party for m in document.members}:
                return document, {party: bytes.fromhex(s) for party, s in stated.items()}
        return None

    def require_newest(self, document: Collaboration) -> None:
        """Return if no newer version is in force here: new jobs stand under the newest terms.

        Raises: SupersededCollaboration.
        """
        newest = self.current(document.collaboration)
        if newest.version != document.version:
            raise SupersededCollaboration(
                f"version {newest.version} of {document.collaboration} is in force"
            )

    def limit_nano(self, document: Collaboration) -> int:
        """Return what may be charged under a version: never more than the newest one allows."""
        agreed = [
            d.rho_nano_each
            for d, row in self.all()
            if row.in_force and d.collaboration == document.collaboration
        ]
        return min(document.rho_nano_each, agreed[-1]) if agreed else document.rho_nano_each

    def account(self, document: Collaboration, counterparty: str, dataset: str) -> Account:
        """Return what is charged for what a member learns about the people of a dataset.

        Charges count since the last renewal only where this version and the newest in force both
        say so.
        """
        versions = [
            d for d, row in self.all() if row.in_force and d.collaboration == document.collaboration
        ]
        windows = {d.budget_window for d in [document, *versions[-1:]]}
        return Account(counterparty, dataset, monthly=windows == {MONTH})

    def _unexpired(self, document: Collaboration) -> Collaboration:
        if self._clock_ms() >= document.expires_ms:
            raise ExpiredCollaboration(
                f"{document.collaboration} version {document.version} has expired"
            )
        return document


@lru_cache(100)
def _read(document: bytes) -> Collaboration:
    """Read a document once: every step of a run asks for its own."""
    return decode(Collaboration, document)


def _signed(document: Collaboration, party: str, data: bytes) -> bool:
    """Tell whether `party`, as the document names it, signed exactly this document."""
    member = document.member(party)
    if member is None:
        return False
    try:
        return verify(Collaboration, decode(Signed, data), member.public) == document
    except ProtocolError:
        return False
