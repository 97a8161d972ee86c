"""Hypothesis strategies for consent: few scopes, and instants around the skew, for many ties."""

from dataclasses import replace

from hypothesis import strategies as st

from consent.events import ConsentEvent, EventType, Method
from consent.rules import SKEW_MS, LoggedEvent, Query
from consent.words import EventState, Operation
from tests.support.consents import NOON

PURPOSES = ["marketing", "analytics", "profiling", "scoring", "not-in-the-vocabulary"]
SUBJECTS = range(3)

# Few instants around the skew, so that ties and near misses are common.
times = st.sampled_from(
    [NOON + d for d in (-SKEW_MS, -1, 0, 1, 2, SKEW_MS, SKEW_MS + 1, 2 * SKEW_MS, 3 * SKEW_MS)]
)
states = st.sampled_from(list(EventState)) | st.sampled_from(
    [EventState.GIVEN, EventState.RENEWED_GIVEN, EventState.WITHDRAWN]
)


@st.composite
def consent_events(draw: st.DrawFn) -> ConsentEvent:
    subject = draw(st.sampled_from(SUBJECTS))
    return ConsentEvent(
        subject_id=f"{subject:032x}",
        state=draw(states),
        purpose=draw(st.sampled_from(PURPOSES)),
        event_time_ms=draw(times),
        source_id=draw(st.sampled_from(["web", "app", "crm"])),
        source_event_id=draw(st.sampled_from(["1", "2", "3"])),
        jurisdiction=draw(st.sampled_from(["DE", "CN-31"])),
        method=draw(st.sampled_from([Method.WEB_FORM, Method.IMPORT, Method.BATCH_SYNC])),
        event_type=draw(st.sampled_from(list(EventType))),
        recipient=draw(st.sampled_from(["self", "partner", "printer"])),
        channel=draw(st.sampled_from(["*", "email"])),
        separate=draw(st.booleans()),
        listed=draw(st.sampled_from([(), ("profiling", "scoring"), ("scoring",), ("nowhere",)])),
        source_trust=draw(st.sampled_from([3, 5])),
        valid_until_ms=draw(st.none() | times),
        notice_hash=draw(st.sampled_from([None, b"\x01" * 32, b"\x0f" * 32])),
    )


@st.composite
def logs(draw: st.DrawFn) -> list[tuple[int, LoggedEvent]]:
    """A log of (subject, logged event); crowded onto few scopes, with duplicates."""
    events = draw(st.lists(consent_events(), max_size=14))
    if draw(st.booleans()):
        events = [replace(e, purpose="scoring", recipient="partner", channel="*") for e in events]
    if events and draw(st.booleans()):
        events += draw(st.lists(st.sampled_from(events), max_size=4))
    log = []
    for i, e in enumerate(events):
        recorded = draw(times)
        log.append((int(e.subject_id, 16), LoggedEvent(i, recorded, e)))
    return log


queries = st.builds(
    Query,
    purpose=st.sampled_from(PURPOSES[:4]),
    operation=st.sampled_from([Operation.PSI, Operation.PSI, Operation.DP_STAT]),
    at_ms=times | st.just(NOON + 10 * SKEW_MS),
    recipient=st.sampled_from(["partner", "self", "printer"]),
    channel=st.sampled_from(["*", "email", "post"]),
)
