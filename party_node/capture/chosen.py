"""What one person has chosen, as it stands: the preferences in force, each with its entry.

Read choice by choice, by the rules of `consent/choices.py`: a switch (channel, topic, automated
decisions) is off from a no until a later act of the person; of everything else the latest counts.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from consent.choices import Key, key_of
from consent.preferences import (
    AutomatedDecisions,
    ChannelChoice,
    Pause,
    Preference,
    PreferenceEvent,
    Quiet,
    TopicChoice,
)
from party_node.ledger.entries import LedgerEntry

_SWITCHES = (ChannelChoice, TopicChoice, AutomatedDecisions)


@dataclass(frozen=True, slots=True)
class Chosen:
    """One preference in force."""

    preference: Preference
    entry: int
    since_ms: int


@dataclass(frozen=True, slots=True)
class _Choice:
    time_ms: int
    index: int
    event: PreferenceEvent


def chosen(entries: Iterable[LedgerEntry], at_ms: int) -> list[Chosen]:
    """Return what holds at an instant, by kind and what it is about."""
    by_key: dict[Key, list[_Choice]] = {}
    for e in entries:
        if isinstance(e.record, PreferenceEvent):
            time_ms = min(e.record.event_time_ms, e.recorded_ms)
            choice = _Choice(time_ms, e.index, e.record)
            by_key.setdefault(key_of(e.record.preference), []).append(choice)
    return [found for key in sorted(by_key) for found in _standing(by_key[key], at_ms)]


def _standing(choices: list[_Choice], at_ms: int) -> Iterator[Chosen]:
    choices.sort(key=lambda c: (c.time_ms, c.index))
    latest: _Choice | None = choices[-1]
    if isinstance(choices[-1].event.preference, _SWITCHES):
        latest = _switch(choices)
    if latest is None:
        return
    preference = latest.event.preference
    ended = isinstance(preference, Pause) and preference.until_ms <= at_ms
    nothing = isinstance(preference, Quiet) and not preference.days
    if not ended and not nothing:
        yield Chosen(preference, latest.index, latest.time_ms)


def _switch(choices: list[_Choice]) -> _Choice | None:
    """Return the choice that a switch stands by: the last no, or a later yes by an act."""
    noes = [c for c in choices if not _says_yes(c)]
    acts = [c for c in choices if _says_yes(c) and not c.event.method.is_copy]
    if noes and not (acts and acts[-1].time_ms > noes[-1].time_ms):
        return noes[-1]
    return acts[-1] if acts else None


def _says_yes(choice: _Choice) -> bool:
    preference = choice.event.preference
    assert isinstance(preference, _SWITCHES)
    return preference.allowed
