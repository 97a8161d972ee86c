"""What the console says of a model's quality, and where its curve stands."""

from typing import Any

import pytest

from party_node.console import curve
from party_node.console.model_quality import measured_reach, percent, quality, span
from party_node.console.model_words import people, state, withdrawn, withheld
from party_node.job_kinds import FEDERATED, JOINT, LOOKALIKE
from protocols.verdict import Verdict

REACHES = (0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0)


def point(reach: float) -> dict[str, float]:
    recall = min(1.0, 4 * reach)
    return {
        "reach": reach, "recall": recall, "low": recall / 2, "high": min(1.0, 2 * recall),
        "lift": recall / reach, "expected": recall, "similarity": 0.5,
    }  # fmt: skip


CARD = {"reliable": True, "held_out": 120, "curve": [point(reach) for reach in REACHES]}
SCORING = {
    "asked": 1000, "permitted": 900, "withheld": {"withdrawn": 20, "unknown": 80},
    "refused": "", "why": "", "hint": "",
}  # fmt: skip


def model(**changes: Any) -> dict[str, Any]:
    return {
        "kind": LOOKALIKE, "card": CARD, "scoring": SCORING, "audience": None, "judged": None,
        "kept_here": True, "with": ["brand"], "tracked": [], "asked_about": [],
        "used": {"people": 950, "no_longer": 20},
    } | changes  # fmt: skip


@pytest.mark.parametrize(
    ("size", "reach"), [(1, 0.01), (89, 0.05), (90, 0.1), (300, 0.2), (900, 0.5), (5000, 0.5)]
)
def test_the_recall_is_of_an_audience_that_is_no_larger(size: int, reach: float) -> None:
    found, own = measured_reach(model(audience={"people": size}))
    assert found == reach
    assert own == min(size / 900, 1.0)


def test_a_recall_stands_beside_its_interval_and_random() -> None:
    said = quality(model())
    assert (said.figure, said.warns) == ("40\u00a0%", False)
    assert "best 10\u00a0% of people (20 to 80\u00a0%)" in said.of
    assert said.beside == "random: 10\u00a0%, so it finds 4.0 times as many"
    assert "the audience is the best 33\u00a0%" in quality(model(audience={"people": 300})).of


def test_what_noise_hides_is_not_said() -> None:
    said = quality(model(card=CARD | {"reliable": False}))
    assert (said.figure, said.warns) == ("Cannot be told", True)
    assert "120 seeds were held out" in said.of
    assert "40" not in said.of


@pytest.mark.parametrize("kind", [FEDERATED, JOINT])
def test_an_area_is_said_in_pairs(kind: str) -> None:
    told = {"auc": 0.83, "judged_on": 240}
    card = {"rounds": [told]} if kind == FEDERATED else told
    judged = {"auc": 0.83, "low": 0.78, "high": 0.88}
    said = quality(model(kind=kind, card=card, judged=judged))
    assert said.figure == "83\u00a0%"
    assert "(78 to 88\u00a0%)" in said.of
    assert said.beside == "random: 50\u00a0%; by 240 people held out"
    assert "too few for an interval" in quality(model(kind=kind, card=card)).of
    none = {"rounds": [{"auc": None}]} if kind == FEDERATED else {"auc": None}
    assert quality(model(kind=kind, card=none)).figure == "Not judged"


def test_scores_by_an_earlier_model_name_it() -> None:
    said = quality(model(kind=JOINT, card={"by_job": "ab" * 16, "people": 5}))
    assert "job abababababab" in said.of


def test_who_is_withheld_and_why() -> None:
    said = people(model())
    assert (said.figure, said.of) == ("900", "of 1,000 people")
    assert said.beside == "withheld: 80 unknown, 20 withdrawn"
    assert withheld({}) == "nobody"
    refused = SCORING | {"permitted": 0, "refused": "expired-collaboration", "why": "it is over"}
    said = people(model(scoring=refused))
    assert (said.figure, said.of) == ("Nobody", "it is over (expired-collaboration)")
    assert said.warns
    assert people(model(scoring=SCORING | {"permitted": 0})).warns
    assert people(model(scoring=None)).figure == "None here"


@pytest.mark.parametrize(
    ("verdict", "figure", "warns"),
    [
        (Verdict.WORSE, "Worse than at training", True),
        (Verdict.AS_GOOD, "As good as at training", False),
        (Verdict.UNKNOWN, "Cannot be told", False),
    ],
)
def test_the_newest_verdict_is_the_state(verdict: Verdict, figure: str, warns: bool) -> None:
    said = state(model(tracked=[{"verdict": verdict.value}, {"verdict": Verdict.UNKNOWN.value}]))
    assert (said.figure, said.warns) == (figure, warns)
    assert said.of
    assert not said.of.startswith((",", ":", " "))


def test_what_the_partner_is_not_told_is_said() -> None:
    assert state(model()).figure == "Not asked yet"
    asked = [{"job": "a", "created_ms": 1}]
    assert state(model(asked_about=asked)).of == "by brand; the answer is brand’s alone"
    assert state(model(asked_about=asked * 2)).figure == "Asked 2 times"
    assert state(model(kept_here=False)).figure == "Not compared yet"
    assert state(model(kind=JOINT, tracked=None)).figure == "Compared when asked"


def test_who_has_withdrawn_is_counted_or_said_to_be_unknown() -> None:
    assert withdrawn(model()).endswith("20 of 950 people")
    for used in (None, {"people": 950, "no_longer": None}):
        assert "not known here" in withdrawn(model(used=used))


@pytest.mark.parametrize(
    ("part", "text"),
    [
        (0.0, "0"),
        (0.004, "0.4"),
        (0.05, "5"),
        (0.027, "2.7"),
        (0.096, "9.6"),
        (0.46, "46"),
        (1, "100"),
    ],
)
def test_small_parts_have_a_decimal(part: float, text: str) -> None:
    assert percent(part) == f"{text}\u00a0%"
    assert span(part, 1) == f"{text} to 100\u00a0%"
    assert span(part, 1, "–") == f"{text}–100\u00a0%"


def test_the_curve_rises_to_the_right_within_its_frame() -> None:
    now = [None, *({"recall": reach, "low": 0.0, "high": 1.0} for reach in REACHES[1:])]
    drawn = curve.draw(CARD["curve"], now)
    marks = drawn.at_training
    assert len(marks) == 6, "that everybody holds everybody is not drawn"
    assert [m.x for m in marks] == sorted(m.x for m in marks)
    assert [m.y for m in marks] == sorted((m.y for m in marks), reverse=True)
    for mark in (*marks, *drawn.now):
        assert drawn.left <= mark.x <= drawn.right
        assert drawn.top <= mark.high <= mark.y <= mark.low <= drawn.bottom
    assert len(drawn.now) == 5, "what is hidden has no mark"
    assert [tick.text for tick in drawn.across] == ["1 %", "2 %", "5 %", "10 %", "20 %", "50 %"]


def test_a_recall_beyond_its_range_stays_in_the_frame() -> None:
    wild = {"reach": 0.1, "recall": 1.4, "low": -0.3, "high": 1.9}
    (mark,) = curve.draw([wild]).at_training
    assert (mark.y, mark.low, mark.high) == (12, 204, 12)
