"""When and how often a channel may be used, as a policy says it and as a person chose it."""

# ruff: noqa: RUF009 - `field` is dataclasses.field with a codec

from collections.abc import Iterable
from dataclasses import dataclass

from consent import fields
from consent.allowed_hours import AllowedHours, ClosedHours, outside
from consent.durations import Duration
from consent.fields import Payload, field, one_of, sequence
from consent.frequency import Basis, FrequencyCap
from consent.preferences import Cap, CapBasis, Per, Preference, Quiet, TimeZone
from consent.quiet_hours import QuietHours
from consent.words import ANY_CHANNEL

_MINUTE = fields.integer(0, 1439)
_ROLLING = {
    Per.HOUR: Duration(hours=1),
    Per.DAY: Duration(days=1),
    Per.WEEK: Duration(days=7),
    Per.MONTH: Duration(days=30),
}
_CALENDAR = {Per.DAY: Duration(days=1), Per.WEEK: Duration(weeks=1), Per.MONTH: Duration(months=1)}


@dataclass(frozen=True, slots=True, kw_only=True)
class HoursTerm(Payload):
    """Hours in which a channel may be used in a place; outside them it is quiet."""

    channel: str = field(fields.name)
    place: str = field(fields.words)
    days: tuple[int, ...] = field(
        sequence(fields.integer(1, 7), ascending=True), tuple(range(1, 8))
    )
    start_minute: int = field(_MINUTE)
    end_minute: int = field(_MINUTE)


@dataclass(frozen=True, slots=True, kw_only=True)
class CapTerm(Payload):
    """How often anybody may be contacted, whatever they chose themselves."""

    limit: int = field(fields.integer(1, 10_000))
    per: Per = field(one_of(Per))
    basis: CapBasis = field(one_of(CapBasis), CapBasis.CALENDAR)
    channel: str = field(fields.name, ANY_CHANNEL)
    group: str = field(fields.name, ANY_CHANNEL)
    """Contact group of the purposes that it counts; `*` is each of them by itself."""


@dataclass(frozen=True, slots=True)
class ContactLimits:
    """All that limits contacts of one person by one channel."""

    windows: tuple[QuietHours | ClosedHours, ...]
    caps: tuple[FrequencyCap, ...]
    zone: str
    """IANA name of the person's zone; empty if nobody knows."""
    nothing: bool
    """A cap of none: no contact at all."""


def limits(
    chosen: Iterable[Preference],
    hours: Iterable[HoursTerm],
    caps: Iterable[CapTerm],
    *,
    channel: str,
    group: str,
    place: str,
    fallback_zone: str,
) -> ContactLimits:
    """Bring together what the person chose and what the policy sets.

    `place` is where the person is, or empty; then every term that might hold does.
    """
    own = list(chosen)
    zone = next((p.zone for p in own if isinstance(p, TimeZone)), fallback_zone)
    quiet = [p for p in own if isinstance(p, Quiet) and p.channel in (channel, ANY_CHANNEL)]
    capped = [p for p in own if isinstance(p, Cap) and p.channel in (channel, ANY_CHANNEL)]
    set_ = [c for c in caps if c.channel in (channel, ANY_CHANNEL)]
    set_ = [c for c in set_ if c.group in (group, ANY_CHANNEL)]
    allowed = [
        AllowedHours(h.channel, h.place, frozenset(h.days), h.start_minute, h.end_minute)
        for h in hours
    ]
    windows = [
        QuietHours(frozenset(q.days), q.start_minute, q.end_minute, zone) for q in quiet if q.days
    ]
    return ContactLimits(
        windows=(*windows, *outside(allowed, channel, place, zone)),
        caps=tuple([_cap(c) for c in capped if c.limit] + [_cap(c) for c in set_]),
        zone=zone,
        nothing=any(c.limit == 0 for c in capped),
    )


def _cap(cap: Cap | CapTerm) -> FrequencyCap:
    # An hour has no calendar of its own: it is always the last sixty minutes.
    calendar = cap.basis is CapBasis.CALENDAR and cap.per in _CALENDAR
    lengths = _CALENDAR if calendar else _ROLLING
    return FrequencyCap(cap.limit, lengths[cap.per], Basis.CALENDAR if calendar else Basis.ROLLING)
