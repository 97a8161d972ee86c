"""One record of every kind, for tests that go through all of them."""

from consent.events import ConsentEvent, EventType
from consent.fields import Entry
from consent.merges import SubjectsMerged
from consent.milestones import (
    Anomaly,
    AnomalyKind,
    Approver,
    BreakGlass,
    Erasure,
    Hold,
    LedgerOpened,
    NoticePublished,
    OperatorAction,
    PolicyChanged,
    SetDigest,
    StateSnapshot,
)
from consent.preferences import (
    AutomatedDecisions,
    Cap,
    ChannelChoice,
    Language,
    Pause,
    Per,
    PreferenceEvent,
    ProcessingChoice,
    Quiet,
    TimeZone,
    TopicChoice,
)
from consent.requests import RequestStatus, RequestType, SubjectRequest, SystemResult
from consent.signal_records import (
    Conclusion,
    Meaning,
    SignalConcluded,
    SignalKind,
    SignalReceived,
)
from consent.statements import Evidence, Method, Relation
from consent.uses import (
    ConsentExpired,
    ExposedUse,
    ExposureReport,
    OccurrenceReleased,
    OccurrenceReserved,
    Outcome,
    UseOutcome,
)
from consent.words import AgeBand, Assurance, EventState
from tests.support.consents import HASH, NOON, SUBJECT, USE, event

PREFERENCES = (
    ChannelChoice(channel="email", allowed=False),
    TopicChoice(topic="sport", allowed=True),
    Pause(until_ms=NOON),
    Cap(limit=3, per=Per.WEEK),
    Quiet(days=(1, 7), start_minute=1320, end_minute=360),
    Language(tag="de-CH"),
    TimeZone(zone="Europe/Zurich"),
    AutomatedDecisions(allowed=False),
    ProcessingChoice(allowed=False),
)


def preference(
    chosen: object = PREFERENCES[0], at: int = NOON, **changes: object
) -> PreferenceEvent:
    """Return a plain choice: at the preference centre, source `centre`."""
    values: dict[str, object] = {
        "subject_id": SUBJECT,
        "event_time_ms": at,
        "source_id": "centre",
        "source_event_id": f"choice-{at}",
        "method": Method.PREFERENCE_CENTRE,
        "preference": chosen,
    }
    return PreferenceEvent(**values | changes)  # type: ignore[arg-type]


FULL_EVENT = ConsentEvent(
    subject_id=SUBJECT, state=EventState.RENEWED_GIVEN, purpose="joint-audience",
    event_time_ms=NOON, source_id="crm", source_event_id="e-2", jurisdiction="CN",
    method=Method.PAPER_FORM, event_type=EventType.EXPLICITLY_EXPRESSED, purpose_version=2,
    recipient="publisher", channel="email", separate=True, written=True, listed=("a", "b"),
    source_trust=9, subject_seq=2, previous=HASH, relation=Relation.GUARDIAN,
    valid_until_ms=NOON + 1, validity="P6M", max_uses=3, residence="CN-31",
    age_band=AgeBand.AGE_14, age_assurance=Assurance.VERIFIED, notice_hash=HASH,
    served_event_id="s", confirms_over=("gpc",), signal_entry="x", time_zone="Europe/Zurich",
    time_source="server", legal_regime="pipl", layer="second", control_label="Agree",
    evidence=(Evidence(sha256=HASH, media_type="image/png", reference="r"),), supersedes="x",
)  # fmt: skip
"""An event with every field."""

RECORDS: tuple[Entry, ...] = (
    event(),
    FULL_EVENT,
    *(preference(p) for p in PREFERENCES),
    SignalReceived(
        subject_id=SUBJECT, event_time_ms=NOON, source_id="web", source_event_id="s",
        method=Method.SIGNAL, relation=Relation.MACHINE, signal=SignalKind.GPC, raw="1",
        jurisdiction="US-CA",
    ),
    SignalConcluded(
        subject_id=SUBJECT, signal_entry="x", conclusion=Conclusion.CONFLICT, concluded_at_ms=NOON,
        meanings=(Meaning(purpose="joint-audience", state=EventState.WITHDRAWN),),
        against=("joint-audience",),
    ),
    SubjectsMerged(
        subject_id=SUBJECT, absorbed="6" * 32, merged_at_ms=NOON, ground="proved", by="ann"
    ),
    USE,
    UseOutcome(
        decision_id="d" * 32, job="j", outcome=Outcome.ABORTED, ended_at_ms=NOON, cause="expired"
    ),
    OccurrenceReserved(subject_id=SUBJECT, grant=3, decision_id="d" * 32, reserved_at_ms=NOON),
    OccurrenceReleased(subject_id=SUBJECT, grant=3, decision_id="d" * 32, released_at_ms=NOON),
    ConsentExpired(
        subject_id=SUBJECT, grant=3, purpose="p", recipient="self", channel="*", expired_at_ms=NOON
    ),
    ExposureReport(
        subject_id=SUBJECT, withdrawal=4, purpose="p", recipient="self", channel="*",
        withdrawn_at_ms=NOON, effective_at_ms=NOON + 1,
        uses=(
            ExposedUse(
                decision_id="d" * 32, job="j", operation="psi", purpose="p", recipient="publisher",
                evaluated_at_ms=NOON,
            ),
        ),
        uses_total=1,
    ),
    SubjectRequest(
        request_id="r-1", request=RequestType.ERASE, status=RequestStatus.REFUSED, regime="gdpr",
        at_ms=NOON, received_at_ms=NOON, due_at_ms=NOON, by="ann", verified_by="passport",
        reason="a law", results=(SystemResult(system="crm", outcome="erased", at_ms=NOON),),
    ),
    Erasure(
        request_id="r-1", erased_at_ms=NOON, entries=3, entries_commitment=HASH,
        key_fingerprint=HASH, holds=(Hold(ground="GDPR 17(3)(e)", until_ms=NOON, entries=1),),
    ),
    LedgerOpened(
        origin="a/b", controller="brand", opened_at_ms=NOON, log_vkey="k+1+x", policy_hash=HASH
    ),
    PolicyChanged(
        policy_hash=HASH, previous_policy_hash=HASH, changed_at_ms=NOON, changed_by="ann"
    ),
    NoticePublished(
        notice_hash=HASH, notice_id="n", version=1, language="en", purposes=("p",),
        published_at_ms=NOON, published_by="ann",
    ),
    StateSnapshot(
        tree_size=9, taken_at_ms=NOON, policy_hash=HASH, projection=HASH, subjects=4,
        sets=(SetDigest(name="subjects", members=4, sha256=HASH),),
    ),
    Anomaly(
        anomaly=AnomalyKind.CONFLICTING_EVENT, source_id="crm", noticed_at_ms=NOON, first_index=2,
        offered=HASH,
    ),
    OperatorAction(action="export", by="ann", at_ms=NOON, detail="all"),
    BreakGlass(
        approval_id="b" * 32, job="j", reason="the witness is down",
        approved_by=(Approver(name="ann", role="operator"), Approver(name="bo", role="compliance")),
        approved_at_ms=NOON, expires_at_ms=NOON + 1,
    ),
)  # fmt: skip
