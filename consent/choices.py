"""Everybody's preferences, as far as decisions need them: what narrows, and what was said last.

A *switch* (a channel, a topic, automated decisions, processing) is off from a no until an act of
the person that is newer; a copy of another system's state can turn it off and never on. Of every
other choice the latest counts.
"""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray
from pyroaring import BitMap

from consent.columns import SparseColumn, Subjects, bitmap
from consent.facts import Facts, PreferenceWhat, Whats
from consent.fold import placed
from consent.instants import NEVER
from consent.preferences import (
    AutomatedDecisions,
    ChannelChoice,
    Pause,
    Preference,
    ProcessingChoice,
    TopicChoice,
)
from consent.reasons import Query, Reason
from consent.timed import TimedSet, canonical_bitmap
from consent.words import ANY_CHANNEL, Operation

AUTOMATED = frozenset({Operation.ACTIVATE, Operation.LOOKALIKE_TRAIN, Operation.LOOKALIKE_SCORE})
"""Operations in which a machine chooses what a person gets."""
SWITCHES = (ChannelChoice, TopicChoice, AutomatedDecisions, ProcessingChoice)
"""Preferences that are on or off."""
Key = tuple[str, str]
"""Kind of the preference, and the channel or topic that it is about."""
_NO_WHAT = -1


def key_of(preference: Preference) -> Key:
    """Return what the preference is about: of one key, one counts."""
    about: str = getattr(preference, "channel", "") or getattr(preference, "topic", "")
    return preference.KIND, about


class _Switch:
    """When each subject last said no, and last said yes by an act."""

    def __init__(self) -> None:
        self.no, self.yes = SparseColumn("<i8", NEVER), SparseColumn("<i8", NEVER)
        self.off = BitMap()

    def take_in(self, subjects: Subjects, time: NDArray[np.int64], *, on: bool) -> None:
        column = self.yes if on else self.no
        who, latest = _latest(subjects, time)
        column.put(who, np.maximum(column.get(who), latest))
        no, yes = self.no.get(who), self.yes.get(who)
        self.off -= bitmap(who)
        self.off |= bitmap(who[(no != NEVER) & (no >= yes)])

    def merge(self, both: Subjects, at_ms: int) -> None:
        kept, absorbed = both.tolist()
        no, yes = int(self.no.get(both).max()), int(self.yes.get(both).max())
        if kept in self.off or absorbed in self.off:
            no = max(no, at_ms)
        self.no.put(both, np.array([no, NEVER]))
        self.yes.put(both, np.array([yes, NEVER]))
        self.off -= bitmap(both)
        if no != NEVER and no >= yes:
            self.off.add(kept)


class _Latest:
    """What each subject chose last about one key: its place, its what, and the end of a pause."""

    def __init__(self) -> None:
        self.place, self.index = SparseColumn("<i8", NEVER), SparseColumn("<i8", NEVER)
        self.what, self.until = SparseColumn("<i8", _NO_WHAT), TimedSet()

    def take_in(self, facts: Facts) -> None:
        time = np.minimum(facts["time"], facts["recorded"])
        facts = facts[np.lexsort((facts["index"], time, facts["subject"]))]
        facts = facts[np.append(facts["subject"][1:] != facts["subject"][:-1], True)]
        who = facts["subject"]
        place = placed(np.minimum(facts["time"], facts["recorded"]), np.zeros(1, dtype=np.int8))
        before, before_index = self.place.get(who), self.index.get(who)
        later = (place > before) | ((place == before) & (facts["index"] > before_index))
        facts, who, place = facts[later], who[later], place[later]
        self.place.put(who, place)
        self.index.put(who, facts["index"])
        self.what.put(who, facts["what"].astype(np.int64))
        self.until.put(who, facts["until"])

    def merge(self, both: Subjects) -> None:
        """Keep the later of two choices."""
        place, index = self.place.get(both), self.index.get(both)
        later = int((place[1], index[1]) > (place[0], index[0]))
        for column, absent in (
            (self.place, NEVER), (self.index, NEVER), (self.what, _NO_WHAT)
        ):  # fmt: skip
            column.put(both, np.array([column.get(both)[later], absent]))
        self.until.put(both, np.array([self.until.ends(both)[later], NEVER]))


class Choices:
    """The preferences of everybody."""

    __slots__ = ("_latest", "_switches", "_whats")

    def __init__(self, whats: Whats) -> None:
        self._whats = whats
        self._switches: dict[Key, _Switch] = {}
        self._latest: dict[Key, _Latest] = {}

    def take_in(self, facts: Facts) -> None:
        """Take in facts of any kind."""
        present = np.bincount(facts["what"], minlength=len(self._whats))
        by_key: dict[Key, list[int]] = {}
        for number in np.flatnonzero(present).tolist():
            what = self._whats[number]
            if isinstance(what, PreferenceWhat):
                chosen = what.preference
                if isinstance(chosen, SWITCHES):
                    self._switch(facts[facts["what"] == number], what, on=chosen.allowed)
                else:
                    by_key.setdefault(key_of(chosen), []).append(number)
        for key, numbers in by_key.items():
            latest = self._latest.setdefault(key, _Latest())
            latest.take_in(facts[np.isin(facts["what"], numbers)])

    def narrowed(self, query: Query, among: BitMap) -> Iterator[tuple[Reason, BitMap]]:
        """Return who of `among` may not be used, not be reached, or not by a machine's choice, and
        why.
        """
        yield from self._off((ProcessingChoice.KIND, ""), Reason.RESTRICTED, among)
        if query.operation is Operation.ACTIVATE or query.channel != ANY_CHANNEL:
            for channel in dict.fromkeys((query.channel, ANY_CHANNEL)):
                pause = self._latest.get((Pause.KIND, channel))
                if pause is not None:
                    yield Reason.PAUSED, pause.until.among(query.at_ms, among)
            for channel in dict.fromkeys((query.channel, ANY_CHANNEL)):
                yield from self._off((ChannelChoice.KIND, channel), Reason.CHANNEL_REFUSED, among)
            if query.topic is not None:
                yield from self._off((TopicChoice.KIND, query.topic), Reason.TOPIC_REFUSED, among)
        if query.operation in AUTOMATED:
            yield from self._off((AutomatedDecisions.KIND, ""), Reason.NOT_PERSONALISED, among)

    def of(self, subject: int) -> list[Preference]:
        """Return what one subject chose last about every key but switches and pauses."""
        found: list[Preference] = []
        for key in sorted(self._latest):
            number = self._latest[key].what.one(subject)
            if number != _NO_WHAT and key[0] != Pause.KIND:
                what = self._whats[number]
                assert isinstance(what, PreferenceWhat)
                found.append(what.preference)
        return found

    def paused_until(self, subject: int, channel: str) -> int:
        """Return until when one subject is not to be reached by a channel; NEVER if not paused."""
        one = np.array([subject], dtype=np.uint32)
        ends = [NEVER]
        for about in dict.fromkeys((channel, ANY_CHANNEL)):
            pause = self._latest.get((Pause.KIND, about))
            if pause is not None:
                ends.append(int(pause.until.ends(one)[0]))
        return max(ends)

    def merge(self, kept: int, absorbed: int, at_ms: int) -> None:
        """Let one subject have the choices of two records: what either had turned off is off."""
        both = np.array([kept, absorbed], dtype=np.uint32)
        for switch in self._switches.values():
            switch.merge(both, at_ms)
        for latest in self._latest.values():
            latest.merge(both)

    def forget(self, subject: int) -> None:
        """Drop what a subject chose."""
        one = np.array([subject], dtype=np.uint32)
        for switch in self._switches.values():
            switch.no.put(one, NEVER)
            switch.yes.put(one, NEVER)
            switch.off.discard(subject)
        for latest in self._latest.values():
            latest.place.put(one, NEVER)
            latest.index.put(one, NEVER)
            latest.what.put(one, _NO_WHAT)
            latest.until.put(one, np.array([NEVER]))

    def sets(self) -> Iterator[tuple[str, int, bytes]]:
        """Return every set that is not empty: its name, its size, its one encoding."""
        for (kind, about), switch in sorted(self._switches.items()):
            if switch.off:
                yield f"off {kind} {about}", len(switch.off), canonical_bitmap(switch.off)
        for (kind, about), latest in sorted(self._latest.items()):
            if kind == Pause.KIND and latest.until:
                yield f"paused {about}", len(latest.until), latest.until.canonical()

    def _switch(self, facts: Facts, what: PreferenceWhat, *, on: bool) -> None:
        if on and what.copied:
            return
        switch = self._switches.setdefault(key_of(what.preference), _Switch())
        switch.take_in(facts["subject"], np.minimum(facts["time"], facts["recorded"]), on=on)

    def _off(self, key: Key, reason: Reason, among: BitMap) -> Iterator[tuple[Reason, BitMap]]:
        switch = self._switches.get(key)
        if switch is not None:
            yield reason, switch.off & among


def _latest(subjects: Subjects, time: NDArray[np.int64]) -> tuple[Subjects, NDArray[np.int64]]:
    """Return each subject once, rising, with its greatest time."""
    order = np.lexsort((time, subjects))
    subjects, time = subjects[order], time[order]
    last = np.append(subjects[1:] != subjects[:-1], True)
    return subjects[last], time[last]
