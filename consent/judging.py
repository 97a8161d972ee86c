"""What one consent event comes to by itself, under a vocabulary: the rules about single events.

`decision.decide` follows one subject's events with these, `projection.Projection` everybody's at
once; both take every rule about a single event from here. Numbers are those of
`docs/concepts/consent.md`.
"""

from dataclasses import dataclass

from consent.events import EventType
from consent.facts import ConsentWhat
from consent.instants import FOREVER
from consent.reasons import Reason, Scope
from consent.statements import Relation
from consent.vocabulary import Vocabulary
from consent.words import SELF, Basis, EventState

DAY_MS = 86_400_000
_RANKS = {s: 0 if s.valid_for_processing else 2 if s.is_objection else 1 for s in EventState}


@dataclass(frozen=True, slots=True)
class Judgement:
    """One what, judged."""

    scope: Scope | None
    """None where the vocabulary does not know the purpose: then it says nothing."""
    source: str
    rank: int
    """0 for a yes, 1 for neither, 2 for a no: the order at one instant."""
    objection: Reason | None
    failure: Reason | None
    """Why it permits nothing at any time, or None if it may."""
    act: bool
    """The person said yes by an act of their own that counts, and so can end a no (rule 3)."""
    act_before_ms: int
    """... if it was before this: later, another version of its notice was the current one."""
    holds_until_ms: int
    """A later notice ends what it permits (rule 9)."""
    covered: tuple[str, ...]
    """Narrower purposes that it permits too (rule 10)."""
    guardian: bool
    """Said by a guardian (rule 13)."""
    guardian_below: int
    """Below this age only a guardian can say it."""
    back_ms: int
    """A grant from longer before its recording does not count (rule 6)."""
    trust: int
    max_uses: int | None


def judge(what: ConsentWhat, vocabulary: Vocabulary) -> Judgement:
    """Judge a what by every rule that needs nothing else."""
    known = vocabulary.has(what.purpose)
    source = vocabulary.source(what.source_id)
    yes = what.state.valid_for_processing
    ended = vocabulary.ended(what.notice_hash)
    places = vocabulary.places(what.jurisdiction, what.residence)
    act = yes and what.is_act and source.first_hand
    below = vocabulary.guardian_below(places)
    failure = _failure(what, vocabulary, places, below, act=act) if known else Reason.UNKNOWN
    return Judgement(
        scope=(what.purpose, what.recipient, what.channel) if known else None,
        source=what.source_id,
        rank=_RANKS[what.state],
        objection=Reason(what.state.value) if what.state.is_objection else None,
        failure=failure,
        act=act and failure is None,
        act_before_ms=ended.replaced_ms,
        holds_until_ms=ended.renewed_ms,
        covered=_covered(what, vocabulary, places) if failure is None else (),
        guardian=what.relation is Relation.GUARDIAN,
        guardian_below=below,
        back_ms=FOREVER if source.backdate_days is None else source.backdate_days * DAY_MS,
        trust=vocabulary.trust(what.source_id, what.source_trust),
        max_uses=what.max_uses,
    )


def _failure(
    what: ConsentWhat, vocabulary: Vocabulary, places: tuple[str, ...], below: int, *, act: bool
) -> Reason | None:
    """Rules 1, 9, 11, 13 and 15: why this permits nothing at any time, or None if it may."""
    if not what.state.valid_for_processing:
        return Reason(what.state.value)
    if what.purpose_version < vocabulary.find(what.purpose).renew_below:
        return Reason.RENEWAL_REQUIRED
    if not _on_notice(what, what.purpose, vocabulary):
        return Reason.NOT_ON_NOTICE
    basis = vocabulary.basis(what.purpose, places)
    if basis is Basis.PROHIBITED:
        return Reason.PROHIBITED
    if not _said_enough(what, basis):
        return Reason.NOT_EXPRESSED
    if not (what.separate and act) and _needs_separate(what, what.purpose, vocabulary, places):
        return Reason.NOT_SEPARATE
    return _age_failure(what, vocabulary, below)


def _said_enough(what: ConsentWhat, basis: Basis) -> bool:
    """Rule 15: opt-out takes silence after a notice, consent a yes, explicit consent the words."""
    match basis:
        case Basis.EXPLICIT_CONSENT:
            return what.event_type is EventType.EXPLICITLY_EXPRESSED
        case Basis.CONSENT:
            return what.event_type is not EventType.IMPLIED
        case _:
            return True


def _age_failure(what: ConsentWhat, vocabulary: Vocabulary, below: int) -> Reason | None:
    """Rule 13, as far as the event itself says the age."""
    if what.age_band is None:
        child_directed = vocabulary.source(what.source_id).child_directed
        by_guardian = what.relation is Relation.GUARDIAN
        return Reason.AGE_UNKNOWN if child_directed and not by_guardian else None
    if what.age_band.youngest < below and what.relation is not Relation.GUARDIAN:
        return Reason.NOT_BY_GUARDIAN
    return None


def _on_notice(what: ConsentWhat, purpose: str, vocabulary: Vocabulary) -> bool:
    """Rule 9: what people were not told about, they did not agree to. Unknown notices pass."""
    notice = vocabulary.notice(what.notice_hash)
    if notice is None:
        return True
    named = what.recipient == SELF or what.recipient in notice.recipients
    return named and purpose in notice.purposes


def _needs_separate(
    what: ConsentWhat, purpose: str, vocabulary: Vocabulary, places: tuple[str, ...]
) -> bool:
    """Rule 11: whether `purpose` asks for consent of its own to the recipient of this event.

    The controller itself and those who process on its behalf (PIPL 21) need none.
    """
    if what.recipient == SELF or vocabulary.is_processor(what.recipient):
        return False
    found = vocabulary.find(purpose)
    return any(found.needs_separate(place) for place in places)


def _covered(what: ConsentWhat, vocabulary: Vocabulary, places: tuple[str, ...]) -> tuple[str, ...]:
    """Rule 10: return the narrower purposes that a grant covers, which its notice must have listed.

    Where one asks for separate consent, for more than was said, or for consent to its newer version
    (the event does not say which version of it was listed), no other's grant covers it.
    """
    return tuple(
        purpose
        for purpose in what.listed
        if purpose != what.purpose
        and vocabulary.has(purpose)
        and what.purpose in vocabulary.ancestors(purpose)
        and vocabulary.find(purpose).renew_below == 1
        and not _needs_separate(what, purpose, vocabulary, places)
        and _on_notice(what, purpose, vocabulary)
        and _said_enough(what, vocabulary.basis(purpose, places))
        and vocabulary.basis(purpose, places) is not Basis.PROHIBITED
    )
