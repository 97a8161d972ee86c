"""How good a model is, in plain words: a figure, what it is of, and what stands beside it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from party_node.job_kinds import FEDERATED, LOOKALIKE

_USUAL_REACH = 0.1


@dataclass(frozen=True, slots=True)
class Said:
    """One thing about a model."""

    figure: str
    of: str = ""
    beside: str = ""
    """What it is to be compared with, or why it is not known."""
    warns: bool = False


def quality(one: Mapping[str, Any]) -> Said:
    """Say how good a model is: the recall at its audience's size, or how well it tells apart."""
    card = one["card"]
    if one["kind"] == LOOKALIKE:
        return _recall(one)
    if card.get("by_job"):
        return Said("As its model", f"it scores by the model of job {card['by_job'][:12]}")
    last, area = card["rounds"][-1] if one["kind"] == FEDERATED else card, one["judged"]
    if last.get("auc") is None:
        return Said("Not judged", "too few people were held out here to judge it by", warns=True)
    how_many = f"{last['judged_on']:,} people" if last.get("judged_on") else "people"
    about = f"({span(area['low'], area['high'])})" if area else "(too few for an interval)"
    return Said(
        percent(last["auc"]),
        f"of pairs are ranked right: one person with the label, one without {about}",
        f"random: 50\u00a0%; by {how_many} held out",
    )


def _recall(one: Mapping[str, Any]) -> Said:
    card, (reach, own) = one["card"], measured_reach(one)
    if not card["reliable"]:
        few = f"about {card['held_out']:,} seeds were held out: the noise hides how good it is"
        return Said("Cannot be told", few, warns=True)
    at = next(point for point in card["curve"] if point["reach"] == reach)
    larger = f"; the audience is the best {percent(own)}" if own else ""
    return Said(
        percent(at["recall"]),
        f"of seeds held out are in the best {percent(reach)} of people "
        f"({span(at['low'], at['high'])}){larger}",
        f"random: {percent(reach)}, so it finds {at['lift']:.1f} times as many",
    )


def measured_reach(one: Mapping[str, Any]) -> tuple[float, float]:
    """Return the largest audience on the curve that is no larger than the model's own, as a part of
    everybody: what is found in it is found in the larger one too. 10 % where it has none.

    Beside it the model's own part, or 0.
    """
    scoring, audience = one["scoring"], one["audience"]
    if audience is None or scoring is None or not scoring["permitted"]:
        return _USUAL_REACH, 0.0
    part = audience["people"] / scoring["permitted"]
    reaches = [float(point["reach"]) for point in one["card"]["curve"][:-1]]
    return max((reach for reach in reaches if reach <= part), default=reaches[0]), min(part, 1.0)


def percent(part: float) -> str:
    """Return a part of a whole, as `4.2 %` where it is small and no whole number."""
    return f"{_hundredths(part)}\u00a0%"


def span(low: float, high: float, to: str = " to ") -> str:
    """Return an interval of parts; `to` is a dash where there is little room."""
    return f"{_hundredths(low)}{to}{_hundredths(high)}\u00a0%"


def _hundredths(part: float) -> str:
    shown = round(100 * part, 1)
    return f"{shown:.1f}" if shown < 10 and shown % 1 else f"{shown:.0f}"
