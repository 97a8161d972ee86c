"""Receipts for people: for what somebody said, a signed statement that anybody can check.

Each has the event, its leaf and salt, and the proof that it stands under the newest published
checkpoint. The key that signs is derived from the node's key and signs nothing else. Handing out
receipts is an entry of the ledger, as every look at what a person said.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from consent.checkpoint import checkpoint_of
from consent.events import ConsentEvent
from consent.jws import public_of, to_jwk
from consent.ledger import parse_leaf
from consent.milestones import OperatorAction
from consent.receipt import SignedReceipt, make_receipt, sign_receipt
from consent.receipt_claims import Controller
from consent.vocabulary import Vocabulary
from consent.words import SELF
from party_node.clock import Clock
from party_node.identity import Identity
from party_node.ledger.consent_ledger import ConsentLedger
from party_node.ledger.entries import LedgerEntry
from party_node.ledger.evidence_of import proven, published
from party_node.ledger.policies import policy_at
from party_node.ledger.witnessing import Witnessing
from party_node.persons import entries_of_person

_LABEL = "receipt-signing/1"


@dataclass(frozen=True, slots=True)
class IssuedReceipt:
    """One receipt, and which entry it is about."""

    index: int
    event: ConsentEvent = field(repr=False)
    receipt: SignedReceipt = field(repr=False)


@dataclass(frozen=True, slots=True)
class Issued:
    """What somebody gets."""

    receipts: tuple[IssuedReceipt, ...]
    waiting: tuple[int, ...]
    """Entries that no published checkpoint covers yet: their receipts come later."""


class ConsentReceipts:
    """Issues receipts of one node; `name` is the party's as people know it."""

    def __init__(
        self,
        ledger: ConsentLedger,
        identity: Identity,
        witnessing: Witnessing,
        name: str,
        clock: Clock,
    ) -> None:
        self._ledger, self._identity, self._witnessing = ledger, identity, witnessing
        self._name, self._clock = name, clock
        self._seed = ledger.vault.derive(_LABEL)

    def jwk(self) -> dict[str, str]:
        """Return the public half of the key that signs receipts."""
        return to_jwk(public_of(self._seed))

    def issue(
        self, person: int, by: str, *, purpose: str | None = None, every: bool = False
    ) -> Issued:
        """Return receipts for what a person said and has not changed since, or for everything.

        What was said under a record that was merged into theirs is theirs too. With `purpose`, only
        about that one. Raises: LedgerDamaged; LedgerInconsistent.
        """
        records = entries_of_person(self._ledger, self._identity, person).values()
        said = [e for found in records for e in found if isinstance(e.record, ConsentEvent)]
        entries = sorted(said, key=lambda e: e.index)
        wanted = entries if every else standing(entries)
        wanted = [e for e in wanted if purpose in (None, _event(e).purpose)]
        if not wanted:
            return Issued((), ())
        note = published(self._ledger, self._witnessing, self._ledger.head()[0])
        size = 0 if note is None else checkpoint_of(note).size
        receipts = tuple(self.under(note, (e for e in wanted if e.index < size)))
        if receipts:
            self._note(by, receipts)
        return Issued(receipts, tuple(e.index for e in wanted if e.index >= size))

    def under(self, note: str | None, entries: Iterable[LedgerEntry]) -> Iterator[IssuedReceipt]:
        """Return receipts for entries that a checkpoint covers; whoever asks writes down why.

        There is none for a purpose that the policy of then does not describe.
        """
        for entry in entries:
            vocabulary = self._vocabulary(entry.index)
            if vocabulary.has(_event(entry).purpose):
                yield self._receipt(entry, vocabulary, note)

    def _receipt(
        self, entry: LedgerEntry, vocabulary: Vocabulary, note: str | None
    ) -> IssuedReceipt:
        event = _event(entry)
        assert entry.salt is not None
        claims = make_receipt(
            event,
            receipt_id=parse_leaf(entry.leaf).entry_id,
            controller=self._controller(vocabulary),
            vocabulary=vocabulary,
            leaf=entry.leaf,
            salt=entry.salt,
            issued_at_ms=self._clock(),
        )
        proof = proven(self._ledger, entry, note).proof
        signed = sign_receipt(claims.to_payload(), seed=self._seed, proof=proof)
        return IssuedReceipt(entry.index, event, signed)

    def _vocabulary(self, index: int) -> Vocabulary:
        with self._ledger.database.reading() as session:
            return policy_at(session, self._ledger.reader, index)

    def _controller(self, vocabulary: Vocabulary) -> Controller:
        """Return who we are, with what the policy says about us."""
        own = (SELF, self._ledger.controller)
        said = next((r for r in vocabulary.recipients if r.recipient_id in own), None)
        if said is None:
            return Controller(piiController=self._name)
        return Controller(
            piiController=said.name,
            contact=said.contact,
            address=said.address,
            country=said.country,
        )

    def _note(self, by: str, receipts: tuple[IssuedReceipt, ...]) -> None:
        handed = OperatorAction(
            action="receipts-issued",
            by=by,
            at_ms=self._ledger.now(),
            detail=f"{len(receipts)} from entry {receipts[0].index} on",
        )
        self._ledger.append([handed])


def standing(entries: Iterable[LedgerEntry]) -> list[LedgerEntry]:
    """Return the newest of what each source said about each scope, in the order of the log."""
    newest: dict[tuple[str, ...], LedgerEntry] = {}
    for entry in entries:
        event = _event(entry)
        scope = (event.purpose, event.recipient, event.channel, event.source_id)
        known = newest.get(scope)
        if known is None or _event(known).event_time_ms <= event.event_time_ms:
            newest[scope] = entry
    return sorted(newest.values(), key=lambda e: e.index)


def _event(entry: LedgerEntry) -> ConsentEvent:
    assert isinstance(entry.record, ConsentEvent)
    return entry.record
