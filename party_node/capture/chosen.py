"""What one person has chosen, as it stands: the preferences in force, each with its entry.

By the rules of `consent/narrowing.py`: a switch (channel, topic, automated decisions) is off from a
no until a later act of the person, also through a merge; of everything else the latest counts.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from consent.choices import Key, key_of
from consent.decision import LoggedEntry
from consent.narrowing import Chosen as Choice
from consent.narrowing import choices_of, switched_off
from consent.preferences import (
    AutomatedDecisions,
    ChannelChoice,
    Pause,
    Preference,
    Quiet,
    TopicChoice,
)


@dataclass(frozen=True, slots=True)
class Chosen:
    """One preference in force."""

    preference: Preference
    entry: int
    since_ms: int


def chosen(entries: Sequence[LoggedEntry], at_ms: int) -> list[Chosen]:
    """Return what holds at an instant, by kind and what it is about.

    `entries` are all those about one person, those of merged records too.
    """
    by_key: dict[Key, list[Choice]] = {}
    for choice in choices_of(entries):
        by_key.setdefault(key_of(choice[2].preference), []).append(choice)
    found = []
    for key in sorted(by_key):
        time_ms, index, event = by_key[key][-1]
        match event.preference:
            case ChannelChoice() | TopicChoice() | AutomatedDecisions() as switch:
                standing = _switch(entries, key, by_key[key], switch)
                found += [] if standing is None else [standing]
            case Pause(until_ms=until) if until <= at_ms:
                pass
            case Quiet(days=()):
                pass
            case preference:
                found.append(Chosen(preference, index, time_ms))
    return found


def _switch(
    entries: Sequence[LoggedEntry],
    key: Key,
    choices: Sequence[Choice],
    switch: ChannelChoice | TopicChoice | AutomatedDecisions,
) -> Chosen | None:
    """Return how a switch stands: off by an entry, or on by the last act, if there is one."""
    off = switched_off(entries, lambda preference: key_of(preference) == key)
    if off is not None:
        times = {index: time_ms for time_ms, index, _ in choices}
        recorded = {e.index: e.recorded_at_ms for e in entries}  # a merge turns it off too
        return Chosen(replace(switch, allowed=False), off, times.get(off, recorded[off]))
    acts = [c for c in choices if not c[2].method.is_copy]
    if not acts:
        return None
    time_ms, index, _ = acts[-1]
    return Chosen(replace(switch, allowed=True), index, time_ms)
