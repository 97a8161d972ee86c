"""Writing statements of single persons into the ledger: one, or a thousand in one append.

Each has a fate of its own. What cannot be recorded is refused before anybody is made known; the
rest is resolved to persons in one transaction and appended in another.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

from consent.errors import ConsentError
from consent.preferences import TimeZone
from consent.statements import Statement
from consent.vocabulary import Vocabulary
from party_node.capture.ends import zone_of
from party_node.capture.statement import Circumstances, as_at_first
from party_node.clock import Clock
from party_node.database import select_among
from party_node.errors import IdempotencyConflict, NodeError
from party_node.identity import EMAIL, PHONE, Identity
from party_node.ledger.consent_ledger import ConsentLedger
from party_node.ledger.writer import EventKey, Submission, Submitted
from party_node.tables import SourceEventRow
from protocols.errors import LocalError

LAST_ZONE = "UTC"
"""By its calendar a term is reckoned where neither the person's zone nor the controller's is known.
"""
Refused = NodeError | ConsentError | LocalError


@dataclass(frozen=True, slots=True)
class Pending:
    """A statement before it is known whom it is about."""

    identify: Callable[[], tuple[str, str]] = field(repr=False)
    """Returns kind and normalised identifier. Raises: InvalidIdentifier."""
    record: Callable[[Circumstances], Statement]
    """Makes the record."""
    zone: str | None = None
    """The person's, if the caller says it."""
    stated: tuple[str, ...] = ()
    """Fields that a repetition must say again."""


@dataclass(frozen=True, slots=True)
class Fate:
    """What became of one statement."""

    submission: Submission | None
    record: Statement | None
    new_person: bool = False
    """Nobody was known by this identifier before."""
    refused: Refused | None = None


def record(
    ledger: ConsentLedger, identity: Identity, clock: Clock, pending: Sequence[Pending]
) -> list[Fate]:
    """Append what can be appended, and return what became of each, in order.

    Raises: DiskFull, LedgerForked; then nothing was recorded.
    """
    fates: list[Fate | None] = [None] * len(pending)
    people: dict[int, tuple[str, str]] = {}
    with ledger.hold() as head:
        vocabulary, now_ms = head.vocabulary, max(clock(), head.newest_ms)
    for place, one in enumerate(pending):
        try:
            people[place] = one.identify()
            # Made once for nobody: what is wrong with it shows before anybody becomes known.
            nobody = Circumstances("0" * 32, now_ms, vocabulary, one.zone or LAST_ZONE)
            one.record(nobody).canonical()
        except (NodeError, ConsentError, LocalError) as e:
            people.pop(place, None)
            fates[place] = Fate(None, None, refused=e)
    dense, new = _resolve(identity, list(people.values()))
    ids = identity.subject_ids(dense)
    zones = _zones(ledger, vocabulary, dense)
    made: dict[int, Statement] = {}
    for place, person in zip(people, dense, strict=True):
        one = pending[place]
        zone = one.zone or zones[person]
        made[place] = one.record(Circumstances(ids[person], now_ms, vocabulary, zone))
    first = _first_sent(ledger, made.values())
    for place, statement in made.items():
        before = first.get((statement.source_id, statement.source_event_id))
        if before is not None:
            made[place] = as_at_first(statement, before, *pending[place].stated)
    submissions = ledger.submit(list(made.values())) if made else []
    for place, person, submission in zip(made, dense, submissions, strict=True):
        fates[place] = Fate(submission, made[place], person in new, _conflict(submission))
    return [fate for fate in fates if fate is not None]


def _conflict(submission: Submission) -> Refused | None:
    return IdempotencyConflict() if submission.status is Submitted.CONFLICT else None


def _resolve(identity: Identity, people: list[tuple[str, str]]) -> tuple[list[int], set[int]]:
    """Return the number of each person, and who of them is new."""
    if not people:
        return [], set()
    emails = [value if kind == EMAIL else None for kind, value in people]
    phones = [value if kind == PHONE else None for kind, value in people]
    found = identity.resolve(emails, phones)
    dense = [int(d) for d in found.dense]
    # Numbers are given in rising order, and each new person is one of these.
    return dense, set(sorted(set(dense))[len(set(dense)) - found.created :])


def _zones(ledger: ConsentLedger, vocabulary: Vocabulary, people: Iterable[int]) -> dict[int, str]:
    """Return each person's time zone: the one they chose, else the controller's, else the last."""
    otherwise = vocabulary.controller_zone or LAST_ZONE
    found = {}
    with ledger.hold() as head:
        for person in people:
            chosen = [
                p.zone
                for p in head.projection.choices.of(person)
                if isinstance(p, TimeZone) and zone_of(p.zone) is not None
            ]
            found[person] = chosen[0] if chosen else otherwise
    return found


def _first_sent(
    ledger: ConsentLedger, statements: Iterable[Statement]
) -> dict[EventKey, Statement]:
    """Return what was recorded before under the ids of these statements."""
    by_source: dict[str, set[str]] = {}
    for one in statements:
        by_source.setdefault(one.source_id, set()).add(one.source_event_id)
    columns = ("source_event_id", "entry")
    with ledger.database.reading() as session:
        known = {
            (source, name): entry
            for source, names in by_source.items()
            for name, entry in select_among(
                session, SourceEventRow, columns, "source_event_id", sorted(names), source_id=source
            )
        }
    found = {key: ledger.entry(entry).record for key, entry in known.items()}
    return {key: r for key, r in found.items() if isinstance(r, Statement)}
