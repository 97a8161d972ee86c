"""What a subject's preferences take away from what consent permits, read choice by choice.

The plain half of the reference for `choices.py`.
"""

from collections.abc import Callable, Sequence

from consent.choices import AUTOMATED
from consent.history import Logged
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

Chosen = tuple[int, int, Preference, bool]
"""(time, index, choice, whether the person made it): of two, the later counts."""


def narrowed(
    entries: Sequence[Logged], query: Query, vocabulary: Vocabulary
) -> tuple[Reason, int] | None:
    """Return why the subject may not be reached, or not by a machine's choice, and which entry says
    so; None if nothing does.
    """
    chosen = sorted((_chosen(e, e.record, vocabulary) for e in entries
                     if isinstance(e.record, PreferenceEvent)), key=lambda c: c[:2])  # fmt: skip
    channels = dict.fromkeys((query.channel, ANY_CHANNEL))
    if query.operation is Operation.ACTIVATE or query.channel != ANY_CHANNEL:
        for channel in channels:
            paused = _paused(chosen, channel, query.at_ms)
            if paused is not None:
                return Reason.PAUSED, paused
        for channel in channels:
            off = _off(chosen, _is_channel(channel))
            if off is not None:
                return Reason.CHANNEL_REFUSED, off
        if query.topic is not None:
            off = _off(chosen, lambda p: isinstance(p, TopicChoice) and p.topic == query.topic)
            if off is not None:
                return Reason.TOPIC_REFUSED, off
    if query.operation in AUTOMATED:
        off = _off(chosen, lambda p: isinstance(p, AutomatedDecisions))
        if off is not None:
            return Reason.NOT_PERSONALISED, off
    return None


def _chosen(entry: Logged, event: PreferenceEvent, vocabulary: Vocabulary) -> Chosen:
    own = event.is_act and vocabulary.source(event.source_id).first_hand
    time_ms = min(event.event_time_ms, entry.recorded_at_ms)
    return time_ms, entry.index, event.preference, own


def _is_channel(channel: str) -> Callable[[Preference], bool]:
    return lambda p: isinstance(p, ChannelChoice) and p.channel == channel


def _paused(chosen: Sequence[Chosen], channel: str, at_ms: int) -> int | None:
    """Return the entry of a pause that lasts still.

    The person's last counts, and the last copy that is no older; at one instant the longer one.
    """
    pauses = [
        (time, p.until_ms, index, own)
        for time, index, p, own in chosen
        if isinstance(p, Pause) and p.channel == channel
    ]
    own_last = max((p for p in pauses if p[3]), default=None)
    copied_last = max((p for p in pauses if not p[3]), default=None)
    if own_last and copied_last and copied_last[0] < own_last[0]:
        copied_last = None
    lasting = [p for p in (own_last, copied_last) if p is not None and p[1] > at_ms]
    return lasting[0][2] if lasting else None


def _off(chosen: Sequence[Chosen], is_it: Callable[[Preference], bool]) -> int | None:
    """Return the entry of the last no that no later act of the person ended."""
    of_it = [c for c in chosen if is_it(c[2])]
    noes = [(time, index) for time, index, p, _ in of_it if not getattr(p, "allowed", True)]
    acts = [time for time, _, p, own in of_it if own and getattr(p, "allowed", False)]
    if not noes or (acts and max(acts) > noes[-1][0]):
        return None
    return noes[-1][1]
