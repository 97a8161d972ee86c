"""What a signal says about the purposes of a vocabulary, before anything is known of the person.

Each purpose names the signals that speak about it (`SignalTerms`). A signal says no, says yes, or
says nothing; what cannot be read for certain never says yes. The rules stand in
`docs/spec/signals.md`:

    GPC         1 is a no. Its absence says nothing.
    US section  1 in a named field is a no. 2 in all of them, each after notice, is a yes by
                silence: it counts where the law lets people opt out, and is no consent anywhere.
    TCF         every purpose and the vendor consented to is a yes. A 0 is a refusal, if it was
                shown.
"""

import enum
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from consent.events import EventType
from consent.instants import FOREVER
from consent.purpose import Purpose, SignalTerms
from consent.signal_records import SignalKind
from consent.signals.errors import MalformedSignal
from consent.signals.gpp import Gpp, parse_gpp
from consent.signals.tc_string import TcString
from consent.signals.tcf import parse_tc_string
from consent.signals.us_section import Use, UsSection
from consent.vocabulary import Vocabulary
from consent.words import EventState

GPC_SET = "1"
"""How a set GPC signal is kept: no other value of the header counts."""

_DAY_MS = 86_400_000
_PURPOSE_ONE = 1
_NOT_US = frozenset(range(1, 6))
"""Sections that say nothing about the United States, whether they can be read or not."""
_ONE, _TWO = 1, 2
KNOWN_CHILD, _SENSITIVE = "KnownChildSensitiveDataConsents", "SensitiveDataProcessing"
_USES = frozenset(use.value for use in Use)


@dataclass(frozen=True, slots=True)
class Said:
    """What a signal says about one purpose."""

    purpose: str
    state: EventState
    by: SignalKind
    """Which signal says it: a GPP string can carry GPC and a TC string."""
    event_type: EventType = EventType.EXPRESSED
    no_later_ms: int = FOREVER
    """The signal itself says that it was said no later than this."""


def said_by(kind: SignalKind, raw: str, vocabulary: Vocabulary) -> tuple[Said, ...]:
    """Return what a signal says, noes first, else in the order of the purposes.

    Raises: MalformedSignal if it is no signal of that kind.
    """
    found = _said_by(kind, raw, vocabulary)
    return tuple(sorted(found, key=lambda said: (not said.state.is_objection, said.purpose)))


def _said_by(kind: SignalKind, raw: str, vocabulary: Vocabulary) -> Iterator[Said]:
    match kind:
        case SignalKind.GPC:
            if raw != GPC_SET:
                raise MalformedSignal("a GPC signal is a single 1; nothing else is one")
            return said_by_gpc(vocabulary)
        case SignalKind.TCF:
            return said_by_tcf(parse_tc_string(raw), vocabulary)
        case SignalKind.GPP:
            return said_by_gpp(parse_gpp(raw), vocabulary)


def said_by_gpc(vocabulary: Vocabulary) -> Iterator[Said]:
    """Return what GPC says when it is set."""
    for purpose in vocabulary.purposes:
        if purpose.signals.gpc:
            yield Said(purpose.purpose_id, EventState.WITHDRAWN, SignalKind.GPC)


def said_by_tcf(tc: TcString, vocabulary: Vocabulary) -> Iterator[Said]:
    """Return what a TC string says. Its time is a day: it was said before that day was over."""
    for purpose in vocabulary.purposes:
        state = _tcf_state(tc, purpose.signals)
        if state is not None:
            no_later = tc.last_updated_ms // _DAY_MS * _DAY_MS + _DAY_MS - 1
            yield Said(purpose.purpose_id, state, SignalKind.TCF, no_later_ms=no_later)


def said_by_gpp(gpp: Gpp, vocabulary: Vocabulary) -> Iterator[Said]:
    """Return what a GPP string says; all its US sections must agree before one says yes."""
    if gpp.tcf is not None:
        yield from said_by_tcf(gpp.tcf, vocabulary)
    unread = any(section_id not in _NOT_US for section_id in gpp.opaque_ids)
    for purpose in vocabulary.purposes:
        name, terms = purpose.purpose_id, purpose.signals
        gpc = any(_carries_gpc(section, terms) for section in gpp.us_sections)
        if gpc:
            yield Said(name, EventState.WITHDRAWN, SignalKind.GPC)
        heard = {_us_answer(section, purpose) for section in gpp.us_sections}
        if _Answer.NO in heard:
            yield Said(name, EventState.WITHDRAWN, SignalKind.GPP)
        elif _Answer.YES in heard and _Answer.UNSURE not in heard and not unread and not gpc:
            yield Said(name, EventState.GIVEN, SignalKind.GPP, EventType.IMPLIED)


def _tcf_state(tc: TcString, terms: SignalTerms) -> EventState | None:
    vendor, disclosed = terms.tcf_vendor, tc.disclosed_vendors
    if not terms.tcf or (vendor is not None and disclosed is not None and vendor not in disclosed):
        return None  # the person was not asked about this
    missing = [purpose for purpose in terms.tcf if purpose not in tc.purposes_consent]
    if any(purpose != _PURPOSE_ONE or not tc.purpose_one_treatment for purpose in missing):
        return EventState.REFUSED
    if vendor is None:
        return None  # both levels are needed for a yes, and there is no vendor to look for
    if vendor not in tc.vendor_consents:
        return EventState.REFUSED
    if all(tc.permits(purpose, vendor) for purpose in terms.tcf):
        return EventState.GIVEN
    # The person agreed: what takes it away is a restriction of the publisher.
    return EventState.REVOKED if tc.is_valid and not missing else None


class _Answer(enum.Enum):
    """What one US section says about one purpose."""

    NO = enum.auto()
    YES = enum.auto()
    NOTHING = enum.auto()
    UNSURE = enum.auto()
    """Something that keeps the other sections from saying yes."""


def _us_answer(section: UsSection, purpose: Purpose) -> _Answer:
    if not purpose.signals.gpp:
        return _Answer.NOTHING
    names = (*purpose.signals.gpp, *((_SENSITIVE,) if purpose.sensitive else ()))
    found = {name: value for name in names if (value := section.numbers(name)) is not None}
    child = section.numbers(KNOWN_CHILD) or ()
    if any(_ONE in value for value in (*found.values(), child)):
        return _Answer.NO
    if any(child) or any(number > _TWO for value in found.values() for number in value):
        return _Answer.UNSURE
    agreed = all(number == _TWO for value in found.values() for number in value)
    return _Answer.YES if found and agreed and _was_told(section, found) else _Answer.NOTHING


def _was_told(section: UsSection, names: Iterable[str]) -> bool:
    notices = (section.numbers(f"{name}Notice") for name in names)
    return all(notice in (None, (_ONE,)) for notice in notices)


def _carries_gpc(section: UsSection, terms: SignalTerms) -> bool:
    return bool(section.gpc) and (terms.gpc or not _USES.isdisjoint(terms.gpp))
