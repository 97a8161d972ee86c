"""What later outcomes say of a model, in plain words."""

import datetime
from collections.abc import Iterator, Mapping
from typing import Any

from protocols.job import JobDescription
from protocols.verdict import Verdict

SHORT: Mapping[Verdict, str] = {
    Verdict.AS_GOOD: "as good as at training",
    Verdict.WORSE: "worse than at training",
    Verdict.UNKNOWN: "cannot be told",
}
"""Each verdict by itself; what it means begins with it."""
OF_REACH: Mapping[Verdict, str] = {
    Verdict.AS_GOOD: "as good as at training: it is ruled out, with 95 %, that it has lost half of "
    "what it finds beyond chance",
    Verdict.WORSE: "worse than at training, by more than chance would make it",
    Verdict.UNKNOWN: "cannot be told: too few outcomes for this noise",
}
OF_SCORES: Mapping[Verdict, str] = {
    **OF_REACH,
    Verdict.UNKNOWN: "cannot be told: too few outcomes, now or at training",
}
"""What each verdict means."""
ASK_ANEW = frozenset({Verdict.WORSE})
"""Verdicts that advise to train anew."""


def train_anew(made: JobDescription) -> str:
    """Return the command that asks for a model again."""
    asked = f"accord job {made.kind} {made.collaboration}"
    return f"{asked} --purpose {made.purpose} --query QUESTION.yaml"


def reach(found: Mapping[str, Any]) -> Iterator[str]:
    """Say how a lookalike model does by the newest outcomes, beside its card."""
    if not found["tracked"]:
        yield "no outcome has been asked about yet: `accord model track JOB --outcomes FILE`"
        return
    one = found["tracked"][0]
    yield f"by outcomes of {_date(one)} (job {one['job'][:12]}), {_whom(one)}"
    for point in one["curve"][:-1]:  # the last one is everybody
        now = "hidden, or nothing but noise" if point["now"] is None else _part(point["now"])
        yield f"    in the best {point['reach']:.0%}: {now}; at training {_part(point['before'])}"
    yield f"  {one['text']}"
    yield from _advice(one)
    if len(found["tracked"]) > 1:
        yield "  before that: " + ", ".join(
            f"{_date(other)} {other['verdict']}" for other in found["tracked"][1:6]
        )


def scores(found: Mapping[str, Any]) -> Iterator[str]:
    """Say how scores do by later outcomes, beside what their job brought."""
    yield (
        f"{found['people']:,} people have a score and may be used; {found['with_outcome']:,} have "
        "the outcome"
    )
    if found["without_outcome"]:
        yield f"  not compared: {found['without_outcome']:,} people of whom no outcome is known"
    before, now = found["before"], found["now"]
    if now is not None:
        yield f"  area under the curve: {_area(now)}" + (
            "" if before is None else f"; at training {_area(before)}"
        )
    for n, fifth in enumerate(found["fifths"], 1):
        yield (
            f"    fifth {n}, lowest scores first: mean score {fifth['score']:.2f}, "
            f"{fifth['share']:.0%} have the outcome ({fifth['low']:.0%} to {fifth['high']:.0%})"
        )
    yield f"  {found['text']}"
    yield from _advice(found)
    yield "  nothing has left this party, and nothing is charged"


def _advice(found: Mapping[str, Any]) -> Iterator[str]:
    if found["command"]:
        yield f"  train anew with `{found['command']}`, or with the question of then by --retrain"


def _whom(one: Mapping[str, Any]) -> str:
    if one["people"] is None:
        return "of so few people that the noise hides how many"
    return f"about {one['people']:,} people in common, of whom it finds:"


def _date(one: Mapping[str, Any]) -> str:
    ms = one["created_ms"] if one["earlier"] is None else one["earlier"]["created_ms"]
    return datetime.datetime.fromtimestamp(ms / 1000, datetime.UTC).date().isoformat()


def _part(point: Mapping[str, Any]) -> str:
    return f"{point['recall']:.0%} ({point['low']:.0%} to {point['high']:.0%})"


def _area(one: Mapping[str, Any]) -> str:
    return f"{one['auc']:.3f} ({one['low']:.3f} to {one['high']:.3f})"
