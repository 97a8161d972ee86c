"""Hypothesis strategies for consent: few scopes, and instants around the skew, for many ties.

`RICH` is a vocabulary in which every rule can bite.
"""

from dataclasses import replace

from hypothesis import strategies as st

from consent.decision import LoggedEntry
from consent.events import ConsentEvent, EventType
from consent.merges import SubjectsMerged
from consent.notice import Notice
from consent.preferences import (
    AutomatedDecisions,
    ChannelChoice,
    Language,
    Pause,
    PreferenceEvent,
    TopicChoice,
)
from consent.purpose import BasisIn, Purpose
from consent.reasons import SKEW_MS, Query
from consent.recipients import Recipient, Source
from consent.regimes import Regime
from consent.statements import Method, Relation, SubjectEntry
from consent.uses import OccurrenceReleased, OccurrenceReserved
from consent.vocabulary import Vocabulary
from consent.words import AgeBand, Assurance, Basis, EventState, Operation, Role
from tests.support.consents import NOON

PURPOSES = ["marketing", "analytics", "profiling", "scoring", "not-in-the-vocabulary"]
SUBJECTS = range(3)
OLD, NEWER, RENEWED, LISTED = (bytes([n]) * 32 for n in (1, 2, 3, 0x0F))
DAY_MS = 86_400_000

RICH = Vocabulary(
    purposes=(
        Purpose(purpose_id="marketing", title="Marketing", operations=(Operation.PSI,)),
        Purpose(
            purpose_id="analytics",
            title="Analytics",
            operations=(Operation.DP_STAT,),
            legal_basis=(
                BasisIn(place="CN", basis=Basis.PROHIBITED),
                BasisIn(place="US", basis=Basis.OPT_OUT),
            ),
        ),
        Purpose(
            purpose_id="profiling",
            title="Profiling",
            operations=(Operation.ACTIVATE, Operation.PSI),
            parents=("marketing",),
            renew_below=2,
        ),
        Purpose(
            purpose_id="scoring",
            title="Scoring",
            operations=(Operation.ACTIVATE, Operation.LOOKALIKE_SCORE, Operation.PSI),
            parents=("analytics", "profiling"),
            requires_separate_consent=("CN",),
            legal_basis=(BasisIn(place="DE", basis=Basis.EXPLICIT_CONSENT),),
        ),
    ),
    recipients=(Recipient(recipient_id="printer", name="Printer", role=Role.PROCESSOR),),
    sources=(
        Source(source_id="app", child_directed=True),
        Source(source_id="crm", backdate_days=1, first_hand=False, trust=4),
    ),
    notices=(
        Notice(
            notice_hash=OLD, notice_id="n", version=1, language="en",
            purposes=tuple(sorted(PURPOSES)), recipients=("partner", "printer"),
        ),
        Notice(
            notice_hash=NEWER, notice_id="n", version=2, language="en",
            purposes=("profiling", "scoring"), recipients=("partner",), supersedes=OLD,
            valid_from_ms=NOON, valid_to_ms=NOON + 3 * SKEW_MS,
        ),
        Notice(
            notice_hash=RENEWED, notice_id="n", version=3, language="en",
            purposes=("scoring",), recipients=("partner",), supersedes=NEWER,
            valid_from_ms=NOON + 2 * SKEW_MS, requires_renewal=True,
        ),
    ),
    regimes=(
        Regime(regime_id="de", places=("DE",), guardian_below=16),
        Regime(regime_id="else", places=("*",), guardian_below=14),
    ),
    notices_to_renew=frozenset({LISTED}),
)  # fmt: skip

# Few instants around the skew, so that ties and near misses are common.
times = st.sampled_from(
    [NOON + d for d in (-SKEW_MS, -1, 0, 1, 2, SKEW_MS, SKEW_MS + 1, 2 * SKEW_MS, 3 * SKEW_MS)]
)
states = st.sampled_from(list(EventState)) | st.sampled_from(
    [EventState.GIVEN, EventState.RENEWED_GIVEN, EventState.WITHDRAWN]
)
subject_ids = st.sampled_from([f"{s:032x}" for s in SUBJECTS])
methods = st.sampled_from([Method.WEB_FORM, Method.WEB_FORM, Method.IMPORT, Method.BATCH_SYNC])
relations = st.sampled_from([Relation.SUBJECT] * 4 + [Relation.GUARDIAN] * 2 + list(Relation))
_MOSTLY_NONE = st.none() | st.none() | st.none()
_BANDS = [AgeBand.UNDER_13, AgeBand.AGE_13, AgeBand.AGE_15, AgeBand.ADULT]


@st.composite
def consent_events(draw: st.DrawFn) -> ConsentEvent:
    return ConsentEvent(
        subject_id=draw(subject_ids),
        state=draw(states),
        purpose=draw(st.sampled_from(PURPOSES)),
        purpose_version=draw(st.sampled_from([1, 2, 2])),
        event_time_ms=draw(times | st.just(NOON - 2 * DAY_MS)),
        source_id=draw(st.sampled_from(["web", "app", "crm"])),
        source_event_id=draw(st.sampled_from(["1", "2", "3"])),
        jurisdiction=draw(st.sampled_from(["DE", "CN-31", "US", "de"])),
        residence=draw(_MOSTLY_NONE | st.sampled_from(["DE", "CN"])),
        method=draw(methods),
        relation=draw(relations),
        event_type=draw(st.sampled_from(list(EventType))),
        recipient=draw(st.sampled_from(["self", "partner", "printer", "*"])),
        channel=draw(st.sampled_from(["*", "email"])),
        separate=draw(st.booleans()),
        listed=draw(st.sampled_from([(), ("profiling", "scoring"), ("scoring",), ("nowhere",)])),
        source_trust=draw(st.sampled_from([3, 5])),
        valid_until_ms=draw(st.none() | times),
        notice_hash=draw(
            _MOSTLY_NONE | st.sampled_from([OLD, NEWER, RENEWED, LISTED, b"\x09" * 32])
        ),
        age_band=draw(_MOSTLY_NONE | st.sampled_from(_BANDS)),
        age_assurance=draw(_MOSTLY_NONE | st.just(Assurance.VERIFIED)),
        max_uses=draw(_MOSTLY_NONE | st.sampled_from([1, 2])),
    )


_GOOD = {
    "purpose": "scoring", "purpose_version": 2, "recipient": "partner", "channel": "*",
    "event_type": EventType.EXPLICITLY_EXPRESSED, "jurisdiction": "US", "residence": None,
    "separate": True, "notice_hash": None, "age_band": None, "source_id": "web",
    "relation": Relation.SUBJECT, "valid_until_ms": None, "max_uses": None, "listed": (),
    "state": EventState.GIVEN, "method": Method.WEB_FORM,
}  # fmt: skip


@st.composite
def nearly_good(draw: st.DrawFn) -> ConsentEvent:
    """A consent that would permit, but for two or three things about it."""
    wild = draw(consent_events())
    odd = draw(st.sets(st.sampled_from(sorted(_GOOD)), max_size=3))
    return replace(wild, **{name: value for name, value in _GOOD.items() if name not in odd})


preferences = st.sampled_from(
    [
        ChannelChoice(channel="email", allowed=False),
        ChannelChoice(channel="email", allowed=True),
        ChannelChoice(channel="*", allowed=False),
        TopicChoice(topic="sport", allowed=False),
        TopicChoice(topic="sport", allowed=True),
        Pause(until_ms=NOON + SKEW_MS),
        Pause(until_ms=NOON + 4 * SKEW_MS),
        Pause(until_ms=NOON + 30 * SKEW_MS),
        Pause(until_ms=NOON - SKEW_MS),
        Pause(until_ms=NOON, channel="email"),
        AutomatedDecisions(allowed=False),
        AutomatedDecisions(allowed=True),
        Language(tag="de"),
    ]
)
preference_events = st.builds(
    PreferenceEvent,
    subject_id=subject_ids,
    event_time_ms=times,
    source_id=st.sampled_from(["web", "crm"]),
    source_event_id=st.sampled_from(["1", "2"]),
    method=methods,
    relation=relations,
    preference=preferences,
)
occurrences = st.builds(
    OccurrenceReserved,
    subject_id=subject_ids,
    grant=st.integers(0, 6),
    decision_id=st.just("d" * 32),
    reserved_at_ms=times,
) | st.builds(
    OccurrenceReleased,
    subject_id=subject_ids,
    grant=st.integers(0, 6),
    decision_id=st.just("d" * 32),
    released_at_ms=times,
)
merges = st.permutations(SUBJECTS).map(
    lambda order: SubjectsMerged(
        subject_id=f"{order[0]:032x}",
        absorbed=f"{order[1]:032x}",
        merged_at_ms=NOON,
        ground="proved",
        by="ann",
    )
)
Log = list[tuple[int, LoggedEntry]]


def number(subject_id: str) -> int:
    """Return the dense number of a subject in these logs."""
    return int(subject_id, 16)


def persons(log: Log) -> dict[int, int]:
    """Return for each subject the one that its record is continued by, after all merges."""
    current = {s: s for s in SUBJECTS}
    for _, e in sorted(log, key=lambda entry: entry[1].index):
        if isinstance(e.record, SubjectsMerged):
            kept, gone = current[number(e.record.subject_id)], current[number(e.record.absorbed)]
            current = {s: kept if c == gone else c for s, c in current.items()}
    return current


def entries_of(log: Log, subject: int) -> list[LoggedEntry]:
    """Return all entries about the person that a subject is now."""
    current = persons(log)
    return [e for d, e in log if current[d] == subject]


def placed(records: list[SubjectEntry], recorded: list[int]) -> Log:
    """Return the records as a log of (subject, entry).

    An occurrence is about the subject of its grant: others the gate does not write.
    """
    owner = {i: r.subject_id for i, r in enumerate(records)}
    log: Log = []
    for i, record in enumerate(records):
        if isinstance(record, OccurrenceReserved | OccurrenceReleased):
            record = replace(record, subject_id=owner.get(record.grant, record.subject_id))
        log.append((int(record.subject_id, 16), LoggedEntry(i, recorded[i], record)))
    return log


@st.composite
def logs_with_merges(draw: st.DrawFn) -> Log:
    """A log like those of `logs`, in which records of persons are merged."""
    records = [e.record for _, e in draw(logs())]
    for merge in draw(st.lists(merges, min_size=1, max_size=2)):
        records.insert(draw(st.integers(0, len(records))), merge)
    recorded = sorted(draw(st.lists(times, min_size=len(records), max_size=len(records))))
    return placed([r for r in records if isinstance(r, SubjectEntry)], recorded)


@st.composite
def logs(draw: st.DrawFn) -> Log:
    """A log of (subject, logged entry); crowded onto few scopes, with duplicates."""
    events = draw(st.sampled_from([consent_events(), nearly_good(), nearly_good()]))
    drawn = draw(st.lists(events, max_size=14))
    if draw(st.booleans()):
        drawn = [replace(e, purpose="scoring", recipient="partner", channel="*") for e in drawn]
    records: list[SubjectEntry] = list(drawn)
    if records and draw(st.booleans()):
        records += draw(st.lists(st.sampled_from(records), max_size=4))
    if draw(st.booleans()):
        others = draw(st.lists(preference_events | occurrences, max_size=6))
        records = draw(st.permutations(records + others))
    if draw(st.integers(0, 3)) == 0:
        _use_up(draw, records)
    recorded = draw(st.lists(times, min_size=len(records), max_size=len(records)))
    return placed(records, recorded)


def _use_up(draw: st.DrawFn, records: list[SubjectEntry]) -> None:
    """Let one consent permit so many uses, and set some of them aside."""
    grants = [i for i, r in enumerate(records) if isinstance(r, ConsentEvent)]
    if grants:
        grant = draw(st.sampled_from(grants))
        records[grant] = replace(records[grant], max_uses=draw(st.sampled_from([1, 2])))
        uses = draw(st.lists(occurrences, max_size=3))
        records += [replace(use, grant=grant) for use in uses]


queries = st.builds(
    Query,
    purpose=st.sampled_from(PURPOSES[:4]),
    operation=st.sampled_from(
        [Operation.PSI, Operation.PSI, Operation.DP_STAT, Operation.ACTIVATE]
    ),
    at_ms=times | st.just(NOON + 10 * SKEW_MS),
    recipient=st.sampled_from(["partner", "self", "printer"]),
    channel=st.sampled_from(["*", "email", "post"]),
    topic=st.none() | st.just("sport"),
) | st.builds(
    Query,
    purpose=st.just("scoring"),
    operation=st.sampled_from([Operation.PSI, Operation.ACTIVATE]),
    at_ms=times,
    recipient=st.just("partner"),
    channel=st.sampled_from(["*", "email"]),
    topic=st.none() | st.just("sport"),
)
