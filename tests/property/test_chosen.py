"""What is shown of a person's preferences is what decisions are narrowed by."""

from hypothesis import given, settings
from hypothesis import strategies as st
from pyroaring import BitMap

from consent.preferences import (
    AutomatedDecisions,
    ChannelChoice,
    Pause,
    PreferenceEvent,
    TopicChoice,
)
from consent.projection import Projection
from consent.reasons import SKEW_MS, Query, Reason
from consent.words import Operation
from party_node.capture.chosen import Chosen, chosen
from tests.support.consent_strategies import RICH, placed, preference_events, times
from tests.support.consents import NOON

SWITCHES = (ChannelChoice, TopicChoice, AutomatedDecisions)
NOW = NOON + 10 * SKEW_MS


def reasons(shown: list[Chosen]) -> set[Reason]:
    """Return why these preferences narrow a contact about sport by e-mail."""
    found = set()
    for preference in (one.preference for one in shown):
        match preference:
            case ChannelChoice(channel="email" | "*", allowed=False):
                found.add(Reason.CHANNEL_REFUSED)
            case TopicChoice(topic="sport", allowed=False):
                found.add(Reason.TOPIC_REFUSED)
            case AutomatedDecisions(allowed=False):
                found.add(Reason.NOT_PERSONALISED)
            case Pause(channel="email" | "*"):
                found.add(Reason.PAUSED)
    return found


@settings(max_examples=150, deadline=None)
@given(
    st.lists(preference_events, max_size=12),
    st.data(),
    st.sampled_from([NOON - 1, NOON, NOON + SKEW_MS - 1, NOON + SKEW_MS, NOW]),
)
def test_what_is_shown_is_what_narrows(
    events: list[PreferenceEvent], data: st.DataObject, at_ms: int
) -> None:
    recorded = [data.draw(times) for _ in events]
    log = placed(list(events), recorded)
    projection = Projection(RICH)
    for subject, entry in log:
        projection.apply(entry.index, entry.record, subject, entry.recorded_at_ms)
    query = Query(
        purpose="scoring", operation=Operation.ACTIVATE, at_ms=at_ms, channel="email", topic="sport"
    )
    for subject in projection.subjects:
        shown = chosen([entry for s, entry in log if s == subject], RICH, at_ms)
        narrowing = projection.choices.narrowed(query, BitMap([subject]))
        assert reasons(shown) == {reason for reason, who in narrowing if who}
        others = [c.preference for c in shown if not isinstance(c.preference, (*SWITCHES, Pause))]
        assert others == projection.choices.of(subject)
        by_index = {entry.index: entry for _, entry in log}
        for one in shown:
            record = by_index[one.entry].record
            assert isinstance(record, PreferenceEvent)
            assert record.preference == one.preference
