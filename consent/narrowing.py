"""What a subject's preferences take away from what consent permits, read choice by choice.

The plain half of the reference for `choices.py`.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from consent.choices import AUTOMATED
from consent.history import Logged
from consent.instants import NEVER
from consent.merging import Merge, merges_of
from consent.preferences import (
    AutomatedDecisions,
    ChannelChoice,
    Pause,
    Preference,
    PreferenceEvent,
    TopicChoice,
)
from consent.reasons import Query, Reason
from consent.vocabulary import Vocabulary
from consent.words import ANY_CHANNEL, Operation


@dataclass(frozen=True, slots=True)
class Chosen:
    """One choice, and who made it."""

    time: int
    index: int
    preference: Preference
    own: bool
    """The person chose it; else it is a copy, and can only narrow."""
    subject_id: str


def narrowed(
    entries: Sequence[Logged], query: Query, vocabulary: Vocabulary
) -> tuple[Reason, int] | None:
    """Return why the subject may not be reached, or not by a machine's choice, and which entry says
    so; None if nothing does.
    """
    chosen = choices_of(entries, vocabulary)
    channels = dict.fromkeys((query.channel, ANY_CHANNEL))
    if query.operation is Operation.ACTIVATE or query.channel != ANY_CHANNEL:
        for channel in channels:
            paused = _paused(entries, chosen, channel, query.at_ms)
            if paused is not None:
                return Reason.PAUSED, paused
        for channel in channels:
            off = _off(entries, chosen, _is_channel(channel))
            if off is not None:
                return Reason.CHANNEL_REFUSED, off
        if query.topic is not None:
            off = _off(
                entries, chosen, lambda p: isinstance(p, TopicChoice) and p.topic == query.topic
            )
            if off is not None:
                return Reason.TOPIC_REFUSED, off
    if query.operation in AUTOMATED:
        off = _off(entries, chosen, lambda p: isinstance(p, AutomatedDecisions))
        if off is not None:
            return Reason.NOT_PERSONALISED, off
    return None


def choices_of(entries: Sequence[Logged], vocabulary: Vocabulary) -> list[Chosen]:
    """Return what was chosen, in the order in which it counts."""
    found = [
        _chosen(e, e.record, vocabulary) for e in entries if isinstance(e.record, PreferenceEvent)
    ]
    return sorted(found, key=lambda c: (c.time, c.index))


def switched_off(
    entries: Sequence[Logged], vocabulary: Vocabulary, is_it: Callable[[Preference], bool]
) -> int | None:
    """Return the entry by which a switch (channel, topic, automated decisions) is off, if it is."""
    return _off(entries, choices_of(entries, vocabulary), is_it)


def paused_until(
    entries: Sequence[Logged], vocabulary: Vocabulary, channel: str
) -> tuple[int, int]:
    """Return until when the pauses of one channel last, and which entry says so; NEVER for both
    where nobody ever paused it.
    """
    return _pause(entries, _pauses(choices_of(entries, vocabulary), channel))


def _chosen(entry: Logged, event: PreferenceEvent, vocabulary: Vocabulary) -> Chosen:
    return Chosen(
        time=min(event.event_time_ms, entry.recorded_at_ms),
        index=entry.index,
        preference=event.preference,
        own=event.is_act and vocabulary.source(event.source_id).first_hand,
        subject_id=event.subject_id,
    )


def _before(chosen: Sequence[Chosen], merge: Merge, side: frozenset[str]) -> list[Chosen]:
    """Return what was chosen before a merge by one side of it."""
    return [c for c in chosen if c.index < merge.index and c.subject_id in side]


def _is_channel(channel: str) -> Callable[[Preference], bool]:
    return lambda p: isinstance(p, ChannelChoice) and p.channel == channel


def _paused(
    entries: Sequence[Logged], chosen: Sequence[Chosen], channel: str, at_ms: int
) -> int | None:
    """Return the entry of a pause that lasts still."""
    until, index = _pause(entries, _pauses(chosen, channel))
    return index if until > at_ms else None


def _pauses(chosen: Sequence[Chosen], channel: str) -> list[Chosen]:
    return [
        c for c in chosen if isinstance(c.preference, Pause) and c.preference.channel == channel
    ]


def _pause(entries: Sequence[Logged], chosen: Sequence[Chosen]) -> tuple[int, int]:
    """Return until when pauses of one channel last, and which entry says so.

    The person's last counts, and the last copy that is no older; at one instant the longer one.
    What lasts in one of two records when they are merged is as if chosen then (rule 4).
    """
    own, copied = [_NO_PAUSE], [_NO_PAUSE]
    for c in chosen:
        assert isinstance(c.preference, Pause)
        (own if c.own else copied).append((c.time, c.preference.until_ms, c.index))
    for merge in merges_of(entries):
        earlier = [e for e in entries if e.index < merge.index]
        until = max(_pause(earlier, _before(chosen, merge, side))[0] for side in merge.sides)
        if until > merge.at_ms:
            own.append((merge.at_ms, until, merge.index))
    time, until, index = max(own)
    copied_at, copied_until, copied_index = max(copied)
    if copied_at >= time and copied_until > until:
        return copied_until, copied_index
    return until, index


_NO_PAUSE = (NEVER, NEVER, NEVER)


def _off(
    entries: Sequence[Logged], chosen: Sequence[Chosen], is_it: Callable[[Preference], bool]
) -> int | None:
    """Return the entry of the last no that no later act of the person ended.

    What was off in one of two records that were merged is off from the merge on (rule 4).
    """
    of_it = [c for c in chosen if is_it(c.preference)]
    noes = [(c.time, c.index) for c in of_it if not getattr(c.preference, "allowed", True)]
    for merge in merges_of(entries):
        earlier = [e for e in entries if e.index < merge.index]
        before = (_before(of_it, merge, side) for side in merge.sides)
        if any(_off(earlier, those, is_it) is not None for those in before):
            noes.append((merge.at_ms, merge.index))
    acts = [c.time for c in of_it if c.own and getattr(c.preference, "allowed", False)]
    last = max(noes, default=None)
    if last is None or (acts and max(acts) > last[0]):
        return None
    return last[1]
