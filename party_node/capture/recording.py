"""Writing statements of single persons into the ledger: one, or a thousand in one append.

Each has a fate of its own. What cannot be recorded is refused before anybody is made known; the
rest is resolved to persons in one transaction and appended in another.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from consent.errors import ConsentError
from consent.events import ConsentEvent
from consent.preferences import TimeZone
from consent.statements import Method, Statement
from consent.vocabulary import Vocabulary
from party_node.capture.statement import Circumstances, as_at_first
from party_node.clock import Clock
from party_node.contact.time_zones import time_zone
from party_node.database import select_among
from party_node.errors import ErasedPerson, IdempotencyConflict, NodeError
from party_node.identity import EMAIL, NOBODY, PHONE, Identity
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
    method: Method
    """What the caller said of it."""
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
    returning: dict[int, int] = {}
    said: dict[int, int] = {}
    with ledger.hold() as head:
        vocabulary, now_ms = head.vocabulary, max(clock(), head.newest_ms)
    for place, one in enumerate(pending):
        try:
            identifier = one.identify()
            # Made once for nobody: what is wrong with it shows before anybody becomes known.
            zone = one.zone or LAST_ZONE
            tried = one.record(Circumstances("0" * 32, now_ms, vocabulary, zone))
            tried.canonical()
        except (NodeError, ConsentError, LocalError) as e:
            fates[place] = Fate(None, None, refused=e)
            continue
        people[place], said[place] = identifier, tried.event_time_ms
        if isinstance(tried, ConsentEvent) and tried.is_explicit_grant:
            returning[place] = tried.event_time_ms
    dense, new, ids = _resolve(identity, people, said, returning)
    for place in people.keys() - dense.keys():
        fates[place] = Fate(None, None, refused=ErasedPerson())
    zones = _zones(ledger, vocabulary, dense.values())
    made: dict[int, Statement] = {}
    for place, person in dense.items():
        one = pending[place]
        zone = one.zone or zones[person]
        made[place] = one.record(Circumstances(ids[person], now_ms, vocabulary, zone))
    first = _first_sent(ledger, made.values())
    for place, statement in made.items():
        one = pending[place]
        before = first.get((statement.source_id, statement.source_event_id))
        if before is not None:
            made[place] = as_at_first(statement, before, one.method, *one.stated)
    submissions = ledger.submit(list(made.values())) if made else []
    for place, submission in zip(made, submissions, strict=True):
        fates[place] = Fate(submission, made[place], dense[place] in new, _conflict(submission))
    return [fate for fate in fates if fate is not None]


def _conflict(submission: Submission) -> Refused | None:
    return IdempotencyConflict() if submission.status is Submitted.CONFLICT else None


def _resolve(
    identity: Identity,
    people: Mapping[int, tuple[str, str]],
    said: Mapping[int, int],
    returning: Mapping[int, int],
) -> tuple[dict[int, int], set[int], dict[int, str]]:
    """Return the number of each person, in order, who of them is new, and their record ids.

    Who was erased has none, unless they come back by a yes of their own that is newer; and nothing
    that is older counts for them any more.
    """
    dense: dict[int, int] = {}
    new: set[int] = set()
    for back in (True, False):
        places = [place for place in people if (place in returning) == back]
        if not places:
            continue
        emails, phones = (
            [people[p][1] if people[p][0] == kind else None for p in places]
            for kind in (EMAIL, PHONE)
        )
        times = [returning[p] for p in places] if back else None
        found = identity.resolve(emails, phones, returning_ms=times)
        outdated = {row for row, at in found.erased_ms.items() if said[places[row]] <= at}
        dense |= {
            p: int(d)
            for row, (p, d) in enumerate(zip(places, found.dense, strict=True))
            if d != NOBODY and row not in outdated
        }
        new |= found.new_ids.keys()
    ids = identity.subject_ids(dense.values())
    # Somebody may have been erased just now.
    return {p: dense[p] for p in sorted(dense) if dense[p] in ids}, new, ids


def _zones(ledger: ConsentLedger, vocabulary: Vocabulary, people: Iterable[int]) -> dict[int, str]:
    """Return each person's time zone: the one they chose, else the controller's, else the last."""
    otherwise = vocabulary.controller_zone or LAST_ZONE
    found = {}
    with ledger.hold() as head:
        for person in people:
            chosen = [
                p.zone
                for p in head.projection.choices.of(head.projection.current(person))
                if isinstance(p, TimeZone) and time_zone(p.zone) is not None
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
