"""May this person be contacted by this channel for this purpose now? Yes, no, or not before.

    consent       must permit it, and no choice of the person may forbid it (`consent.projection`)
    pause, quiet  put it off: "not before"
    caps          drop it: how often is enough for now
    reservation   a yes sets the contact aside, so that two systems do not both use the last one

Who asks must confirm the reservation when the message went out, or release it.
"""

import enum
from dataclasses import dataclass, replace

from pyroaring import BitMap

from consent.contact_terms import ContactLimits, limits
from consent.errors import UnknownTimeZone
from consent.instants import FOREVER, NEVER
from consent.quiet_hours import Never, quiet_until
from consent.reasons import Query, Reason
from consent.words import SELF, Operation
from party_node.clock import Clock
from party_node.contact.counters import Counter
from party_node.contact.reservations import Confirmed, Reservation, Reservations
from party_node.contact.time_zones import time_zone
from party_node.contact.words import WORDS, ContactReason
from party_node.grouped_writes import GroupedWrites
from party_node.ledger.consent_ledger import ConsentLedger, Head


class Answer(enum.StrEnum):
    """What may be done."""

    ALLOW = "allow"
    ALLOW_NON_PERSONALISED = "allow-non-personalised"
    """Yes, if no machine chooses what the person gets."""
    DEFER = "defer"
    DENY = "deny"


@dataclass(frozen=True, slots=True)
class ContactQuestion:
    """One contact that somebody wants to make."""

    subject: int | None
    """Number of the person; None if nobody is known by what they were named by."""
    purpose: str
    channel: str
    recipient: str = SELF
    topic: str | None = None
    at_ms: int | None = None
    """For when the contact is planned; now if None. Never before now."""
    reserve_ms: int = 0
    """How long a yes is set aside; 0 sets nothing aside."""
    idempotency_key: str | None = None


@dataclass(frozen=True, slots=True)
class ContactDecision:
    """The answer."""

    answer: Answer
    reason: str
    words: str
    tree_size: int
    evaluated_ms: int
    not_before_ms: int | None = None
    """When it may be asked again, where that is known."""
    reservation: Reservation | None = None


class Contacts:
    """Decides about contacts; one for each node."""

    def __init__(
        self,
        ledger: ConsentLedger,
        reservations: Reservations,
        writes: GroupedWrites,
        clock: Clock,
    ) -> None:
        self._ledger, self._reservations = ledger, reservations
        self._writes, self._clock = writes, clock

    def decide(self, question: ContactQuestion) -> ContactDecision:
        """Answer, and set the contact aside if the answer is yes and that was asked for.

        Raises: UnknownPurpose; MalformedRecord if it would be set aside beyond a day from now.
        """
        with self._ledger.hold() as head:
            purpose = head.vocabulary.find(question.purpose)
            present = max(self._clock(), head.newest_ms)
            now = max(present, question.at_ms or 0)
            told = _Told(head.size, now, present)
            if question.subject is None:
                return told.no(Reason.NO_EVIDENCE)
            subject = head.projection.current(question.subject)
            question = replace(question, subject=subject)
            reason = _consent(head, question, now)
            if reason is Reason.PAUSED:
                until = head.projection.choices.paused_until(subject, question.channel)
                return told.no(Reason.PAUSED, None if until >= FOREVER else until)
            if reason not in (Reason.PERMITTED, Reason.NOT_PERSONALISED):
                return told.no(reason)
            group = purpose.contact_group or purpose.purpose_id
            found = limits(
                head.projection.choices.of(subject),
                head.vocabulary.hours,
                head.vocabulary.caps,
                channel=question.channel,
                group=group,
                place="",
                fallback_zone=head.vocabulary.controller_zone,
            )
        if purpose.transactional:
            return self._set_aside(question, told, group, found, reason, exempt=True)
        refused = _quiet(found, told, now)
        if refused is None or refused.answer is Answer.DENY:
            return refused or self._set_aside(question, told, group, found, reason, exempt=False)
        # A no beats a later: what the caps refuse is not put off.
        capped = self._capped(question, told, group, found)
        return refused if capped is None else capped

    def _capped(
        self, question: ContactQuestion, told: "_Told", group: str, found: ContactLimits
    ) -> ContactDecision | None:
        """Ask the caps without setting anything aside."""
        assert question.subject is not None
        counter = Counter(question.subject, question.channel, group)
        zone = time_zone(found.zone)
        with self._ledger.database.reading() as session:
            capped = self._reservations.refusal(
                session, counter, found.caps, told.present, zone, told.now
            )
        return None if capped is None else told.enough(capped.free_at_ms)

    def _set_aside(
        self,
        question: ContactQuestion,
        told: "_Told",
        group: str,
        found: ContactLimits,
        reason: Reason,
        *,
        exempt: bool,
    ) -> ContactDecision:
        """Rule 17: ask the caps, and set the contact aside."""
        assert question.subject is not None
        counter = Counter(question.subject, question.channel, group)
        caps, zone = () if exempt else found.caps, time_zone(found.zone)
        if not question.reserve_ms:
            capped = None if exempt else self._capped(question, told, group, found)
            return told.yes(reason) if capped is None else capped
        outcome = self._writes.run(
            lambda session: self._reservations.reserve(
                session, counter, caps, told.present, zone, question.reserve_ms,
                planned_ms=told.now, idempotency_key=question.idempotency_key, exempt=exempt,
            )
        )  # fmt: skip
        if isinstance(outcome, Reservation):
            return told.yes(reason, outcome)
        if isinstance(outcome, Confirmed):
            return told.no(ContactReason.SENT_ALREADY)
        return told.enough(outcome.free_at_ms)


@dataclass(frozen=True, slots=True)
class _Told:
    """Makes answers at one instant and one size of the ledger."""

    size: int
    now: int
    """When the contact would be made: now, or when it is planned."""
    present: int

    def no(
        self, reason: Reason | ContactReason, not_before_ms: int | None = None
    ) -> ContactDecision:
        return self._say(Answer.DENY, reason, not_before_ms)

    def later(self, reason: Reason | ContactReason, until: int | None) -> ContactDecision:
        answer = Answer.DENY if until is None else Answer.DEFER
        return self._say(answer, reason, not_before_ms=until)

    def enough(self, free_at_ms: int) -> ContactDecision:
        free = None if free_at_ms in (NEVER, FOREVER) else free_at_ms
        return self._say(Answer.DENY, ContactReason.OFTEN_ENOUGH, not_before_ms=free)

    def yes(self, reason: Reason, reservation: Reservation | None = None) -> ContactDecision:
        personal = reason is Reason.PERMITTED
        answer = Answer.ALLOW if personal else Answer.ALLOW_NON_PERSONALISED
        return self._say(answer, reason, reservation=reservation)

    def _say(
        self,
        answer: Answer,
        reason: Reason | ContactReason,
        not_before_ms: int | None = None,
        reservation: Reservation | None = None,
    ) -> ContactDecision:
        return ContactDecision(
            answer, reason.value, WORDS[reason], self.size, self.now, not_before_ms, reservation
        )


def _consent(head: Head, question: ContactQuestion, now: int) -> Reason:
    query = Query(
        purpose=question.purpose,
        operation=Operation.ACTIVATE,
        at_ms=now,
        recipient=question.recipient,
        channel=question.channel,
        topic=question.topic,
    )
    assert question.subject is not None
    decision = head.projection.bulk(query, BitMap([question.subject]))
    return next(iter(decision.denied), Reason.PERMITTED)


def _quiet(found: ContactLimits, told: _Told, now: int) -> ContactDecision | None:
    """Rule 16: quiet hours put it off; whose clock nobody knows is not contacted."""
    if found.nothing:
        return told.no(ContactReason.NO_CONTACT_AT_ALL)
    try:
        until = quiet_until(found.windows, now, time_zone, found.zone or None)
    except UnknownTimeZone:
        return told.no(ContactReason.ZONE_UNKNOWN)
    if until is None:
        if found.caps and time_zone(found.zone) is None and _needs_zone(found):
            return told.no(ContactReason.ZONE_UNKNOWN)
        return None
    return told.later(ContactReason.QUIET_HOURS, None if isinstance(until, Never) else until)


def _needs_zone(found: ContactLimits) -> bool:
    return any(cap.basis.value == "calendar" for cap in found.caps)
