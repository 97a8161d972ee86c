"""Asking both deciders: the plain one says the answer, and the bitmaps are held to it."""

from typing import Any

from pyroaring import BitMap

from consent.decision import Decision, LoggedEntry, Verdict, decide
from consent.defaults import DEFAULT_VOCABULARY
from consent.facts import About, Whats, facts_of
from consent.fields import Entry
from consent.projection import Projection
from consent.purpose import Purpose
from consent.reasons import Query, Reason
from consent.statements import Statement
from consent.uses import OccurrenceReleased, OccurrenceReserved
from consent.vocabulary import Vocabulary
from tests.support.consents import HOUR, NOON, TREE, query

Written = Entry | tuple[int, Entry]
"""An entry that is recorded when it happened, or (when it is recorded, the entry)."""
LATER = NOON + 2 * HOUR
_SUBJECT, _BYSTANDER = 2**32 - 1, 0


def written(*records: Written) -> list[LoggedEntry]:
    """Return records as the entries 0, 1, 2, … of a ledger."""
    pairs = [r if isinstance(r, tuple) else (_time_of(r), r) for r in records]
    return [LoggedEntry(i, recorded, record) for i, (recorded, record) in enumerate(pairs)]


def _time_of(record: Entry) -> int:
    match record:
        case Statement():
            return record.event_time_ms
        case OccurrenceReserved():
            return record.reserved_at_ms
        case OccurrenceReleased():
            return record.released_at_ms
        case _:
            raise AssertionError(record)


def answer(
    entries: list[LoggedEntry], question: Query, vocabulary: Vocabulary = DEFAULT_VOCABULARY
) -> Decision:
    """Decide in the plain way, and hold the bitmaps to it: entry by entry, backwards, and at once.

    Somebody else about whom nothing is known is asked about too, and never permitted.
    """
    decision = decide(entries, question, vocabulary)
    assert decide(reversed(entries), question, vocabulary) == decision
    for projection in _projections(entries, vocabulary):
        bulk = projection.bulk(question, BitMap([_SUBJECT, _BYSTANDER]))
        reasons = [r for r, who in bulk.denied.items() if _SUBJECT in who]
        reasons += [Reason.PERMITTED] if _SUBJECT in bulk.allowed else []
        assert reasons == [decision.reason]
        assert _BYSTANDER not in bulk.allowed
    assert (decision.outcome is Verdict.ALLOW) == (decision.reason is Reason.PERMITTED)
    return decision


def _projections(entries: list[LoggedEntry], vocabulary: Vocabulary) -> list[Projection]:
    forwards, backwards = Projection(vocabulary), Projection(vocabulary)
    for projection, order in ((forwards, entries), (backwards, entries[::-1])):
        for e in order:
            projection.apply(e.index, e.record, _SUBJECT, e.recorded_at_ms)
    whats = Whats()
    at_once = Projection(vocabulary, whats)
    about = [About(e.index, e.recorded_at_ms, _SUBJECT, e.record) for e in entries]
    at_once.take_in(facts_of(about, whats))
    assert forwards.digest() == backwards.digest()
    return [forwards, backwards, at_once]


def reason(
    *records: Written,
    at: int = LATER,
    vocabulary: Vocabulary = DEFAULT_VOCABULARY,
    **question: Any,
) -> Reason:
    """Return why a question about `joint-audience` for `publisher` is answered as it is."""
    return answer(written(*records), query(at, **question), vocabulary).reason


def in_tree(
    *records: Written, at: int = LATER, vocabulary: Vocabulary = TREE, **question: Any
) -> Reason:
    """Return why a question about `scoring` for the controller itself is answered as it is."""
    asked = {"purpose": "scoring", "recipient": "self"} | question
    return answer(written(*records), query(at, **asked), vocabulary).reason


def policy(**parts: Any) -> Vocabulary:
    """Return the default vocabulary with some parts in the place of its own."""
    values: dict[str, Any] = {"purposes": DEFAULT_VOCABULARY.purposes}
    return Vocabulary(**values | parts)


def with_purpose(**changes: Any) -> Vocabulary:
    """Return a vocabulary with one purpose, `joint-audience`, that is as said."""
    joint = DEFAULT_VOCABULARY.find("joint-audience")
    values: dict[str, Any] = {
        "purpose_id": joint.purpose_id,
        "title": joint.title,
        "operations": joint.operations,
    }
    return Vocabulary(purposes=(Purpose(**values | changes),))
