"""Everybody's preferences, as far as decisions need them: what narrows, and what was said last.

A *switch* (a channel, a topic, automated decisions, processing) is off from a no until an act of
the person that is newer; a copy of another system's state can turn it off and never on. Of every
other choice the person's latest counts, and beside it the latest copy that is no older: a copy can
add to what the person chose and takes nothing from it.
"""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray
from pyroaring import BitMap

from consent.columns import SparseColumn, Subjects, bitmap
from consent.facts import Facts, PreferenceWhat, Whats
from consent.instants import NEVER
from consent.preferences import (
    AutomatedDecisions,
    ChannelChoice,
    Pause,
    Preference,
    ProcessingChoice,
    Switch,
    TopicChoice,
)
from consent.reasons import Query, Reason
from consent.timed import TimedSet, canonical_bitmap
from consent.vocabulary import Vocabulary
from consent.words import ANY_CHANNEL, Operation

AUTOMATED = frozenset(
    {Operation.ACTIVATE, Operation.LOOKALIKE_TRAIN, Operation.LOOKALIKE_SCORE, Operation.TRAIN}
)
"""Operations in which a machine chooses what a person gets."""
Key = tuple[str, str]
"""Kind of the preference, and the channel or topic that it is about."""
_Slot = tuple[str, str, bool]
"""The same, and whether it is a copy."""
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
    """What each subject chose last about one key: its time, its what, and what orders at one time.

    Of two choices at one instant the greater of `order` counts: the longer pause, the later entry.
    """

    def __init__(self) -> None:
        self.time, self.order = SparseColumn("<i8", NEVER), SparseColumn("<i8", NEVER)
        self.what = SparseColumn("<i8", _NO_WHAT)

    def take_in(self, facts: Facts, order: NDArray[np.int64]) -> Subjects:
        """Take in facts; return whom they are about, distinct and rising."""
        time = np.minimum(facts["time"], facts["recorded"])
        sorted_ = np.lexsort((order, time, facts["subject"]))
        facts, time, order = facts[sorted_], time[sorted_], order[sorted_]
        last = np.append(facts["subject"][1:] != facts["subject"][:-1], True)
        facts, time, order = facts[last], time[last], order[last]
        everybody: Subjects = facts["subject"]
        before, order_before = self.time.get(everybody), self.order.get(everybody)
        later = (time > before) | ((time == before) & (order > order_before))
        who = everybody[later]
        self.time.put(who, time[later])
        self.order.put(who, order[later])
        self.what.put(who, facts["what"][later].astype(np.int64))
        return everybody

    def merge(self, both: Subjects) -> None:
        """Keep the later of two choices."""
        time, order, what = (c.get(both) for c in (self.time, self.order, self.what))
        later = int((time[1], order[1]) > (time[0], order[0]))
        self.time.put(both, np.array([time[later], NEVER]))
        self.order.put(both, np.array([order[later], NEVER]))
        self.what.put(both, np.array([what[later], _NO_WHAT]))

    def forget(self, one: Subjects) -> None:
        for column in (self.time, self.order):
            column.put(one, NEVER)
        self.what.put(one, _NO_WHAT)


class _Paused:
    """Until when each subject wants to hear nothing by one channel."""

    def __init__(self) -> None:
        self.own, self.copied, self.until = _Latest(), _Latest(), TimedSet()

    def take_in(self, facts: Facts, *, own: bool) -> None:
        self._set((self.own if own else self.copied).take_in(facts, facts["until"]))

    def merge(self, both: Subjects, at_ms: int) -> None:
        """What lasts in one of two records is as if chosen when they are merged."""
        until = int(self.until.ends(both).max())
        self.own.merge(both)
        self.copied.merge(both)
        kept = both[:1]
        time, order = self.own.time.one(int(kept[0])), self.own.order.one(int(kept[0]))
        if until > at_ms and (at_ms, until) > (time, order):
            self.own.time.put(kept, at_ms)
            self.own.order.put(kept, until)
        self._set(both)

    def _set(self, who: Subjects) -> None:
        until, copied = self.own.order.get(who), self.copied.order.get(who)
        counts = self.copied.time.get(who) >= self.own.time.get(who)
        self.until.put(who, np.where(counts, np.maximum(until, copied), until))

    def forget(self, one: Subjects) -> None:
        self.own.forget(one)
        self.copied.forget(one)
        self.until.put(one, np.array([NEVER]))


class Choices:
    """The preferences of everybody."""

    __slots__ = ("_latest", "_paused", "_switches", "_vocabulary", "_whats")

    def __init__(self, whats: Whats, vocabulary: Vocabulary) -> None:
        self._whats, self._vocabulary = whats, vocabulary
        self._switches: dict[Key, _Switch] = {}
        self._paused: dict[str, _Paused] = {}
        """By channel."""
        self._latest: dict[_Slot, _Latest] = {}

    def take_in(self, facts: Facts) -> None:
        """Take in facts of any kind."""
        present = np.bincount(facts["what"], minlength=len(self._whats))
        by_slot: dict[_Slot, list[int]] = {}
        for number in np.flatnonzero(present).tolist():
            what = self._whats[number]
            if isinstance(what, PreferenceWhat):
                chosen, own = what.preference, self._is_own(what)
                if isinstance(chosen, Switch):
                    if own or not chosen.allowed:
                        self._switch(facts[facts["what"] == number], chosen, on=chosen.allowed)
                else:
                    by_slot.setdefault((*key_of(chosen), not own), []).append(number)
        for slot, numbers in by_slot.items():
            kind, about, copied = slot
            chosen_so = facts[np.isin(facts["what"], numbers)]
            if kind == Pause.KIND:
                self._paused.setdefault(about, _Paused()).take_in(chosen_so, own=not copied)
            else:
                latest = self._latest.setdefault(slot, _Latest())
                latest.take_in(chosen_so, chosen_so["index"])

    def narrowed(self, query: Query, among: BitMap) -> Iterator[tuple[Reason, BitMap]]:
        """Return who of `among` may not be used, not be reached, or not by a machine's choice, and
        why.
        """
        yield from self._off((ProcessingChoice.KIND, ""), Reason.RESTRICTED, among)
        if query.operation is Operation.ACTIVATE or query.channel != ANY_CHANNEL:
            for channel in dict.fromkeys((query.channel, ANY_CHANNEL)):
                paused = self._paused.get(channel)
                if paused is not None:
                    yield Reason.PAUSED, paused.until.among(query.at_ms, among)
            for channel in dict.fromkeys((query.channel, ANY_CHANNEL)):
                yield from self._off((ChannelChoice.KIND, channel), Reason.CHANNEL_REFUSED, among)
            if query.topic is not None:
                yield from self._off((TopicChoice.KIND, query.topic), Reason.TOPIC_REFUSED, among)
        if query.operation in AUTOMATED:
            yield from self._off((AutomatedDecisions.KIND, ""), Reason.NOT_PERSONALISED, among)

    def of(self, subject: int) -> list[Preference]:
        """Return what one subject chose last about every key but switches and pauses.

        A copy stands after what the person chose about the same key, if it is no older than that.
        """
        found: list[Preference] = []
        for slot in sorted(self._latest):
            kind, about, copied = slot
            latest, own = self._latest[slot], self._latest.get((kind, about, False))
            number = latest.what.one(subject)
            older = copied and own is not None and latest.time.one(subject) < own.time.one(subject)
            if number != _NO_WHAT and not older:
                what = self._whats[number]
                assert isinstance(what, PreferenceWhat)
                found.append(what.preference)
        return found

    def paused_until(self, subject: int, channel: str) -> int:
        """Return until when one subject is not to be reached by a channel; NEVER if not paused."""
        one = np.array([subject], dtype=np.uint32)
        ends = [NEVER]
        for about in dict.fromkeys((channel, ANY_CHANNEL)):
            paused = self._paused.get(about)
            if paused is not None:
                ends.append(int(paused.until.ends(one)[0]))
        return max(ends)

    def merge(self, kept: int, absorbed: int, at_ms: int) -> None:
        """Let one subject have the choices of two records: what either had turned off is off, and a
        pause of either lasts.
        """
        both = np.array([kept, absorbed], dtype=np.uint32)
        for switch in self._switches.values():
            switch.merge(both, at_ms)
        for paused in self._paused.values():
            paused.merge(both, at_ms)
        for latest in self._latest.values():
            latest.merge(both)

    def forget(self, subject: int) -> None:
        """Drop what a subject chose."""
        one = np.array([subject], dtype=np.uint32)
        for switch in self._switches.values():
            switch.no.put(one, NEVER)
            switch.yes.put(one, NEVER)
            switch.off.discard(subject)
        for paused in self._paused.values():
            paused.forget(one)
        for latest in self._latest.values():
            latest.forget(one)

    def sets(self) -> Iterator[tuple[str, int, bytes]]:
        """Return every set that is not empty: its name, its size, its one encoding."""
        for (kind, about), switch in sorted(self._switches.items()):
            if switch.off:
                yield f"off {kind} {about}", len(switch.off), canonical_bitmap(switch.off)
        for about, paused in sorted(self._paused.items()):
            if paused.until:
                yield f"paused {about}", len(paused.until), paused.until.canonical()

    def _is_own(self, what: PreferenceWhat) -> bool:
        return what.act and self._vocabulary.source(what.source_id).first_hand

    def _switch(self, facts: Facts, chosen: Preference, *, on: bool) -> None:
        switch = self._switches.setdefault(key_of(chosen), _Switch())
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
