"""What a subject's preferences take away from what consent permits, read choice by choice.

The plain half of the reference for `choices.py`.
"""

from collections.abc import Callable, Sequence

from consent.choices import AUTOMATED
from consent.history import Logged
from consent.merging import merges_of
from consent.preferences import (
    AutomatedDecisions,
    ChannelChoice,
    Pause,
    Preference,
    PreferenceEvent,
    ProcessingChoice,
    TopicChoice,
)
from consent.reasons import Query, Reason
from consent.words import ANY_CHANNEL, Operation

Chosen = tuple[int, int, PreferenceEvent]
"""(time, index, choice): of two, the later counts."""


def narrowed(entries: Sequence[Logged], query: Query) -> tuple[Reason, int] | None:
    """Return why the subject may not be used, not be reached, or not by a machine's choice, and
    which entry says so; None if nothing does.
    """
    chosen = sorted(
        (
            (min(e.record.event_time_ms, e.recorded_at_ms), e.index, e.record)
            for e in entries
            if isinstance(e.record, PreferenceEvent)
        ),
        key=lambda c: c[:2],
    )
    off = _off(entries, chosen, lambda p: isinstance(p, ProcessingChoice))
    if off is not None:
        return Reason.RESTRICTED, off
    if query.operation is Operation.ACTIVATE or query.channel != ANY_CHANNEL:
        found = _unreachable(entries, chosen, query)
        if found is not None:
            return found
    if query.operation in AUTOMATED:
        off = _off(entries, chosen, lambda p: isinstance(p, AutomatedDecisions))
        if off is not None:
            return Reason.NOT_PERSONALISED, off
    return None


def _unreachable(
    entries: Sequence[Logged], chosen: Sequence[Chosen], query: Query
) -> tuple[Reason, int] | None:
    channels = dict.fromkeys((query.channel, ANY_CHANNEL))
    for channel in channels:
        paused = _paused(chosen, channel, query.at_ms)
        if paused is not None:
            return Reason.PAUSED, paused
    for channel in channels:
        off = _off(entries, chosen, _is_channel(channel))
        if off is not None:
            return Reason.CHANNEL_REFUSED, off
    if query.topic is not None:
        off = _off(entries, chosen, lambda p: isinstance(p, TopicChoice) and p.topic == query.topic)
        if off is not None:
            return Reason.TOPIC_REFUSED, off
    return None


def _is_channel(channel: str) -> Callable[[Preference], bool]:
    return lambda p: isinstance(p, ChannelChoice) and p.channel == channel


def _paused(chosen: Sequence[Chosen], channel: str, at_ms: int) -> int | None:
    """Return the entry of a pause that lasts still."""
    latest = None
    for _, index, event in chosen:
        if isinstance(event.preference, Pause) and event.preference.channel == channel:
            latest = index, event.preference.until_ms
    return latest[0] if latest is not None and latest[1] > at_ms else None


def _off(
    entries: Sequence[Logged], chosen: Sequence[Chosen], is_it: Callable[[Preference], bool]
) -> int | None:
    """Return the entry of the last no that no later act of the person ended.

    What was off in one of two records that were merged is off from the merge on (rule 4).
    """
    of_it = [(t, i, e) for t, i, e in chosen if is_it(e.preference)]
    noes = [(t, i) for t, i, e in of_it if not getattr(e.preference, "allowed", True)]
    for merge in merges_of(entries):
        for side in merge.sides:
            before = [c for c in of_it if c[1] < merge.index and c[2].subject_id in side]
            earlier = [e for e in entries if e.index < merge.index]
            if _off(earlier, before, is_it) is not None:
                noes.append((merge.at_ms, merge.index))
    acts = [t for t, _, e in of_it if _is_yes(e)]
    last = max(noes, default=None)
    if last is None or (acts and max(acts) > last[0]):
        return None
    return last[1]


def _is_yes(event: PreferenceEvent) -> bool:
    return getattr(event.preference, "allowed", False) and not event.method.is_copy
