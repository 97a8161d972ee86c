"""Rule 10: a no goes down the hierarchy of purposes, a yes only where its notice listed it."""

from dataclasses import replace

import pytest

from consent.errors import UnknownPurpose
from consent.purpose import Purpose
from consent.reasons import Reason
from consent.vocabulary import Vocabulary
from consent.words import EventState, Operation
from tests.support.asking import answer, in_tree, reason, written
from tests.support.consents import HOUR, NOON, TREE, event, query

GIVEN, WITHDRAWN = EventState.GIVEN, EventState.WITHDRAWN
OWN = event(purpose="scoring", recipient="self")
BROAD = event(purpose="marketing", recipient="self", listed=("scoring",))
OBJECTIONS = [s for s in EventState if s.is_objection]
SILENT = [s for s in EventState if not s.valid_for_processing and not s.is_objection]


@pytest.mark.parametrize("ancestor", ["marketing", "profiling", "analytics"])
@pytest.mark.parametrize("state", OBJECTIONS)
def test_rule_10_a_no_above_denies_along_every_path(ancestor: str, state: EventState) -> None:
    above = event(state, purpose=ancestor, recipient="self")
    assert in_tree(OWN) is Reason.PERMITTED
    assert in_tree(above, replace(OWN, event_time_ms=NOON + HOUR)) == Reason(state.value)


@pytest.mark.parametrize("state", SILENT)
def test_rule_10_what_is_no_no_does_not_go_down(state: EventState) -> None:
    assert in_tree(OWN, event(state, NOON + 1, purpose="marketing", recipient="self")) is (
        Reason.PERMITTED
    )


def test_rule_10_a_no_below_or_beside_denies_nothing_above() -> None:
    grant = event(purpose="profiling", recipient="self")
    for purpose in ("scoring", "analytics"):
        no = event(WITHDRAWN, NOON + 1, purpose=purpose, recipient="self")
        assert in_tree(grant, no, purpose="profiling") is Reason.PERMITTED


@pytest.mark.parametrize(
    ("listed", "expected"),
    [
        ((), Reason.NOT_LISTED),
        (("profiling",), Reason.NOT_LISTED),
        (("scoring",), Reason.PERMITTED),
        (("profiling", "scoring"), Reason.PERMITTED),
        (("score", "scoring-2"), Reason.NOT_LISTED),
    ],
)
def test_rule_10_a_grant_covers_below_only_what_its_notice_listed(
    listed: tuple[str, ...], expected: Reason
) -> None:
    assert in_tree(replace(BROAD, listed=listed)) is expected


def test_rule_10_a_listed_purpose_that_is_not_below_is_not_covered() -> None:
    for purpose, listed in (("profiling", "analytics"), ("scoring", "marketing")):
        listing = event(purpose=purpose, recipient="self", listed=(listed,))
        operation = TREE.find(listed).operations[0]
        assert in_tree(listing, purpose=listed, operation=operation) is Reason.NO_EVIDENCE


def test_rule_10_a_covering_grant_covers_only_its_recipient_and_its_channel() -> None:
    assert in_tree(BROAD, recipient="printer") is Reason.NO_EVIDENCE
    mail = replace(BROAD, channel="email")
    assert in_tree(mail, channel="email") is Reason.PERMITTED
    assert in_tree(mail, channel="post") is Reason.NO_EVIDENCE
    assert in_tree(mail) is Reason.NO_EVIDENCE


def test_rule_10_a_no_to_the_purpose_itself_beats_the_broader_yes_that_covers_it() -> None:
    no = event(WITHDRAWN, NOON - HOUR, purpose="scoring", recipient="self")
    assert in_tree(no, BROAD) is Reason.WITHDRAWN


def test_rule_10_a_covering_grant_ends_when_its_sources_no_longer_agree() -> None:
    short = replace(BROAD, source_id="app", listed=(), valid_until_ms=NOON + 2 * HOUR)
    assert in_tree(BROAD, short, at=NOON + 2 * HOUR - 1) is Reason.PERMITTED
    assert in_tree(BROAD, short, at=NOON + 2 * HOUR) is Reason.SOURCES_DISAGREE


def test_rule_10_what_a_stream_listed_before_is_not_covered_by_what_it_says_now() -> None:
    assert in_tree(BROAD, replace(BROAD, event_time_ms=NOON + 1, listed=())) is Reason.NOT_LISTED


def test_rule_10_names_are_compared_whole() -> None:
    dotted = Vocabulary(
        purposes=(
            Purpose(purpose_id="user", title="U", operations=(Operation.PSI,)),
            Purpose(purpose_id="user.data", title="D", operations=(Operation.PSI,)),
            Purpose(purpose_id="user_data", title="E", operations=(Operation.PSI,)),
        )
    )
    no = event(WITHDRAWN, purpose="user", recipient="self")
    for purpose in ("user.data", "user_data"):
        yes = event(purpose=purpose, recipient="self")
        asked = query(purpose=purpose, recipient="self")
        # A hierarchy is what the vocabulary says it is, and not what names look like.
        assert answer(written(yes, no), asked, dotted).reason is Reason.PERMITTED


@pytest.mark.parametrize("purpose", ["", "*", "joint", "Joint-Audience", "joint-audience "])
def test_rule_10_a_question_about_a_purpose_that_is_not_there_is_an_error(purpose: str) -> None:
    with pytest.raises(UnknownPurpose):
        answer(written(event()), query(purpose=purpose))


def test_rule_10_an_objection_far_above_is_found_in_a_deep_hierarchy() -> None:
    deep = Vocabulary(
        purposes=tuple(
            Purpose(
                purpose_id=f"p-{n:03}", title="P", operations=(Operation.PSI,),
                parents=(f"p-{n - 1:03}",) if n else (),
            )
            for n in range(200)
        )
    )  # fmt: skip
    yes = event(purpose="p-199", recipient="self")
    no = event(WITHDRAWN, purpose="p-000", recipient="self")
    asked = query(purpose="p-199", recipient="self")
    assert answer(written(yes), asked, deep).reason is Reason.PERMITTED
    assert answer(written(yes, no), asked, deep).reason is Reason.WITHDRAWN


# -- channels --------------------------------------------------------------------------------------


def test_rule_10_consent_for_every_channel_covers_each_and_a_no_on_one_is_for_that_one() -> None:
    grant, no_mail = event(), event(WITHDRAWN, NOON + 1, channel="email")
    assert reason(grant, channel="email") is Reason.PERMITTED
    assert reason(grant, no_mail, channel="email") is Reason.WITHDRAWN
    assert reason(grant, no_mail, channel="post") is Reason.PERMITTED
    assert reason(grant, no_mail) is Reason.PERMITTED
    assert reason(grant, event(WITHDRAWN, NOON + 1), channel="email") is Reason.WITHDRAWN


def test_rule_10_a_no_on_a_channel_goes_down_the_hierarchy_too() -> None:
    no = event(WITHDRAWN, NOON + 1, purpose="marketing", recipient="self", channel="email")
    assert in_tree(OWN, no, channel="email") is Reason.WITHDRAWN
    assert in_tree(OWN, no, channel="post") is Reason.PERMITTED


def test_rule_10_a_no_to_the_controller_on_a_channel_stops_a_partner_on_it() -> None:
    no = event(WITHDRAWN, NOON + 1, recipient="self", channel="email")
    assert reason(event(), no, channel="email") is Reason.WITHDRAWN
    assert reason(event(), no) is Reason.PERMITTED


def test_rule_10_the_nearest_consent_is_named_and_explained() -> None:
    decision = answer(written(BROAD, OWN), query(purpose="scoring", recipient="self"), TREE)
    assert decision.deciding_index == 1
    ended = replace(OWN, valid_until_ms=NOON + 1)
    bare = replace(BROAD, listed=())
    assert in_tree(bare, ended) is Reason.EXPIRED
    assert in_tree(BROAD, ended) is Reason.PERMITTED
