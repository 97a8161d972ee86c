"""What one person has chosen, as it stands: the preferences in force, each with its entry.

By the rules of `consent/narrowing.py`: a switch (channel, topic, automated decisions, processing)
is off from a no until a later act of the person, also through a merge, and a copy may only lengthen
a pause; of everything else the person's latest counts, and beside it a copy that is no older.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from consent.choices import Key, key_of
from consent.decision import LoggedEntry
from consent.narrowing import Chosen as Choice
from consent.narrowing import choices_of, paused_until, switched_off
from consent.preferences import (
    Pause,
    Preference,
    Quiet,
    Switch,
)
from consent.vocabulary import Vocabulary


@dataclass(frozen=True, slots=True)
class Chosen:
    """One preference in force."""

    preference: Preference
    entry: int
    since_ms: int


def chosen(entries: Sequence[LoggedEntry], vocabulary: Vocabulary, at_ms: int) -> list[Chosen]:
    """Return what holds at an instant, by kind and what it is about.

    `entries` are all those about one person, those of merged records too.
    """
    by_key: dict[Key, list[Choice]] = {}
    for choice in choices_of(entries, vocabulary):
        by_key.setdefault(key_of(choice.preference), []).append(choice)
    history = _History(entries, vocabulary, at_ms)
    return [found for key in sorted(by_key) for found in history.standing(key, by_key[key])]


@dataclass(frozen=True, slots=True)
class _History:
    entries: Sequence[LoggedEntry]
    vocabulary: Vocabulary
    at_ms: int

    def standing(self, key: Key, choices: Sequence[Choice]) -> list[Chosen]:
        """Return what of the choices about one thing holds: nothing, one, or a copy beside it."""
        last = choices[-1]
        if isinstance(last.preference, Switch):
            found = self._switch(key, choices, last.preference)
            return [] if found is None else [found]
        if isinstance(last.preference, Pause):
            channel = last.preference.channel
            until, index = paused_until(self.entries, self.vocabulary, channel)
            if until <= self.at_ms:
                return []
            pause = Pause(until_ms=until, channel=channel)
            return [Chosen(pause, index, self._since(choices, index))]
        return [
            Chosen(choice.preference, choice.index, choice.time)
            for choice in _latest(choices)
            if not (isinstance(choice.preference, Quiet) and not choice.preference.days)
        ]

    def _switch(self, key: Key, choices: Sequence[Choice], switch: Switch) -> Chosen | None:
        """Return how a switch stands: off by an entry, or on by the last act, if there is one."""
        off = switched_off(self.entries, self.vocabulary, lambda p: key_of(p) == key)
        if off is not None:
            return Chosen(replace(switch, allowed=False), off, self._since(choices, off))
        acts = [c for c in choices if c.own]
        if not acts:
            return None
        return Chosen(replace(switch, allowed=True), acts[-1].index, acts[-1].time)

    def _since(self, choices: Sequence[Choice], index: int) -> int:
        """Return since when an entry holds; a merge, which is no choice, from when it was made."""
        times = {c.index: c.time for c in choices}
        return times[index] if index in times else self._recorded(index)

    def _recorded(self, index: int) -> int:
        return next(e.recorded_at_ms for e in self.entries if e.index == index)


def _latest(choices: Sequence[Choice]) -> list[Choice]:
    """Return the person's latest, and the latest copy if it is no older: it adds and takes nothing
    away.
    """
    own = [c for c in choices if c.own][-1:]
    copies = [c for c in choices if not c.own][-1:]
    return own + [c for c in copies if not own or c.time >= own[0].time]
