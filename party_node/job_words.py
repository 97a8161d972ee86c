"""A job's pre-flight, progress and result as sentences for the terminal."""

import datetime
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from party_node.asked_words import asked, within
from protocols.disclosure import FLOOR
from protocols.dp.budget import HALF_WIDTH
from protocols.dp.queries.filter_words import word

_PHASES = {
    "start": "working out what this side could bring",
    "greet": "waiting for the others' pre-flights",
    "agree": "waiting for the data owners' decisions",
    "recall": "answering from an earlier release",
    "close": "closing the mailbox",
    "permit": "asking consent, recording the decision, paying the budget",
    "protocol": "matching, blinded",
    "release": "releasing the answer",
    "receipt": "comparing what all sides saw",
    "sign": "signing the run receipt",
    "file": "filing the receipt",
    "done": "this side is done",
    "enter": "asking consent, recording the decision, joining the training",
    "train": "training in rounds",
    "attest": "comparing what all partners have",
    "countersign": "signing the run receipt",
}

_MOST_WEIGHTS = 12
"""Of one feature, as they are shown."""

_MEASURES: dict[str, Callable[[float], str]] = {
    "rate": lambda part: f"{part:.3%}",
    "lift": lambda part: f"{100 * part:+.3f} points",
    "relative-lift": lambda part: f"{part:+,.1%}",
    "value": lambda total: f"{total:,.2f}",
    "value-per-person": lambda mean: f"{mean:,.4f}",
    "value-lift": lambda mean: f"{mean:+,.4f}",
    "incremental-value": lambda total: f"{total:+,.2f}",
}
"""How measures of a lift are written that are no counts."""


_NO_AUDIENCE = "audience: none: fewer people than the agreed minimum may still be used"


def people(step: int) -> str:
    """Return a size that was rounded down to a coarse step."""
    return f"{step:,} or more" if step else f"at most {FLOOR:,}"


def preflight(
    job: dict[str, Any], said: dict[str, Any], estimate: dict[str, Any] | None = None
) -> Iterator[str]:
    """Say what a job would do before it is asked for.

    `estimate` is this side's own, which is finer than what it says.
    """
    yield from asked(job)
    yield from of_side(job, said, estimate)


def of_side(
    job: dict[str, Any], said: dict[str, Any], estimate: dict[str, Any] | None = None
) -> Iterator[str]:
    """Say what one side has said of its people, time and budget, or would say."""
    yield f"on this side: {people(said['asked_step'])} people asked for, " + (
        f"{people(said['permitted_step'])} permitted"
    )
    yield takes(estimate or said)
    others = [p for p in (job["receiver"], *job["senders"]) if p != said["party"]]
    other = others[0] if len(others) == 1 else "each other party"
    costs = job["rho"] if said["party"] in job["cost"]["paid_by"] else "this side nothing"
    yield (
        f"budget towards {other}: {said['questions_before']:,} questions left at ±{HALF_WIDTH} "
        f"people before, {said['questions_after']:,} after (rho {said['rho_before']} before, "
        f"{said['rho_after']} after; this job costs {costs})"
    )
    if said["earlier"]:
        yield (
            f"nearly the same was asked in job {said['earlier']}: if {other} agrees, that answer "
            "is given again, free of charge"
        )
    if said["refusal"]:
        yield f"this side would refuse: {said['refusal']}"


def takes(estimate: dict[str, Any]) -> str:
    """Say what a job takes at one side."""
    sent = estimate["traffic_kib"]
    moved = f"{sent:,} KiB" if sent < 10 * 1024 else f"{sent // 1024:,} MiB"
    return (
        f"about {duration(estimate['seconds'])}, {estimate['memory_mib']:,} MiB of memory and "
        f"{moved} sent and received"
    )


def duration(seconds: int) -> str:
    """Return a time as people say it."""
    if seconds < 2:
        return "a second"
    for most, size, unit in ((120, 1, "seconds"), (7_200, 60, "minutes")):
        if seconds < most:
            return f"{round(seconds / size)} {unit}"
    return f"{seconds / 3600:.1f} hours"


def stage(job: dict[str, Any]) -> str:
    """Say where a job is, and how far if that is known."""
    far = job.get("progress")  # lists do not have it
    return place(job) if far is None else f"{place(job)}: {standing(far)}"


def place(job: dict[str, Any]) -> str:
    """Say where a job is."""
    if job["ended"]:
        return f"{job['state']} ({job['cause']})" if job["cause"] else str(job["state"])
    said = _PHASES.get(job["phase"], str(job["state"]))
    if (at := job.get("training")) is not None:
        said = f"{said}: {at['stage']}, round {at['round']} of {at['rounds']}"
    return said


def standing(far: dict[str, Any]) -> str:
    """Say how far a run is in its protocol."""
    percent = 100 * far["rows_done"] // max(1, far["rows"])
    said = f"{percent} %, {far['rows_done']:,} of {far['rows']:,} rows"
    left = far["seconds_left"]
    return said if left is None else f"{said}, about {duration(left)} left"


def result(found: dict[str, Any]) -> Iterator[str]:
    """Say what a job brought, what was withheld and why, and what it cost."""
    if found["earlier"] is not None:
        ms = found["earlier"]["created_ms"]
        date = datetime.datetime.fromtimestamp(ms / 1000, datetime.UTC).date()
        yield f"answered on {date} in job {found['earlier']['job']}; nothing was counted again"
    if found["size"] is not None:
        yield f"{found['size']['text']} people in common with {found['with']}"
    if found["withheld"] is not None:
        yield f"withheld: {found['withheld']['text']} ({found['withheld']['reason']})"
    if found.get("statistics") is not None:  # results of before have no such field
        yield from statistics(found["statistics"])
    if found.get("model") is not None:
        yield from (trained if found["kind"] == "federated" else model)(found["model"])
    if found.get("joint") is not None:
        yield from joint(found["joint"])
    if found["audience"] is not None:
        many = found["audience"]["people"]
        yield f"audience: {many:,} of this party's own people" if many else _NO_AUDIENCE
    own = found["own"]
    yield f"this side: {own['asked']:,} people asked for, {own['permitted']:,} permitted"
    for reason, count in sorted(own["withheld"].items()):
        yield f"  left out, {reason}: {count:,}"
    if own["waiting"]:
        yield f"  waiting until more people have changed: {own['waiting']:,}"
    yield from _brought(own)
    yield from _columns(own.get("columns") or ())
    cost = found["cost"]
    yield f"cost: rho {cost['rho']} (epsilon {cost['epsilon_alone']} at delta {cost['delta']})"


def model(found: dict[str, Any]) -> Iterator[str]:
    """Say what a model is worth: the curve first, then what it goes by."""
    yield (
        f"a model of {found['seeds_step']:,} seeds or more of {found['brand']} over the people "
        f"of {found['partner']}"
    )
    yield f"  by {found['held_out']:,} seeds that were held out, of whom it has found:"
    for at in found["curve"][:-1]:  # the last one is everybody
        yield (
            f"    in the best {at['reach']:.0%} of people: {at['recall']:.0%} "
            f"({at['low']:.0%} to {at['high']:.0%}), {at['lift']:.1f} times chance"
        )
    told = [f"{w['column']} {w['importance']:.0%}" for w in found["weights"][:8]]
    more = len(found["weights"]) - len(told)
    yield f"  it goes by {', '.join(told)}{f' and {more} more' if more > 0 else ''}"
    for caution in found["cautions"]:
        yield f"  caution: {caution['text']}"
    for limit in found["limits"]:
        yield f"  note: {limit}"


def joint(found: dict[str, Any]) -> Iterator[str]:
    """Say what a joint score is worth, or by which weights this side has scored."""
    by = f", by the model of job {found['by_job']}" if found.get("by_job") else ""
    if "people" not in found:
        told = [f"{column} {part:.0%}" for column, part in found["weights"]["own"].items()]
        yield f"scored by these of this side's columns: {', '.join(told)}{by}"
        return
    yield f"a score for each of {found['people']:,} people of both{by}"
    if found.get("auc") is not None:
        line = found.get("auc_of_straight_line", found["auc"])
        alone = f"; a straight line alone has {line:.3f}" if line != found["auc"] else ""
        yield (
            f"  area under the curve {found['auc']:.3f}, by {found['judged_on']:,} people who did "
            f"not train ({found['trained_on']:,} did){alone}"
        )
    for whose, words in (("own", "one's own"), ("theirs", "the partner's")):
        told = [f"{column} {part:.0%}" for column, part in found["weights"][whose].items()]
        yield f"  it goes by {', '.join(told[:8])} of {words} columns"
    for limit in found["limits"]:
        yield f"  note: {limit}"


def trained(found: dict[str, Any]) -> Iterator[str]:
    """Say what a federated training brought: who took part, how good it is, what it goes by."""
    yield f"a model of {foretold(found)}, trained together:"
    for number, at in enumerate(found["rounds"], 1):
        judges = f"{at['judged_on']:,} people" if at.get("judged_on") else "people"
        area = "" if at["auc"] is None else f"; AUC {at['auc']:.3f} over {judges} held out here"
        yield f"  round {number}: {', '.join(at['partners'])}{area}"
    if all(at["auc"] is None for at in found["rounds"]):
        yield (
            "  caution: not judged here: nobody was held out, or all or none of them have the "
            "label. If that is so at every partner, the model is nothing but noise"
        )
    yield f"  {noise(found)}; what has a + makes a yes more likely, what has a - less"
    for feature in found["features"]:
        yield f"  {feature['column']}: {weighed(feature['weights'][:-1])}"
    yield f"  signed by {', '.join(found['signed_by'])}"
    for limit in found.get("limits", ()):  # results of before have none
        yield f"  note: {limit}"


def noise(found: dict[str, Any]) -> str:
    """Say how much noise there is in what was trained on."""
    if "noise_people" in found:
        return f"weights follow from counts that are each {within(found['noise_people'])}"
    # Of federated-ridge/1, whose rounds added up weights.
    return f"each weight is within ±{1.96 * found['noise']:.2g} (95 %) of noise"


def foretold(found: dict[str, Any]) -> str:
    """Say what a federated training foretells."""
    return f"{word(found['label'])} ({' or '.join(map(word, found['positive']))})"


def weighed(weights: list[dict[str, Any]]) -> str:
    """Say what each value weighs; of many only those that weigh most."""
    shown = weights
    if len(weights) > _MOST_WEIGHTS:
        least = sorted((abs(w["weight"]) for w in weights), reverse=True)[_MOST_WEIGHTS - 1]
        shown = [w for w in weights if abs(w["weight"]) >= least][:_MOST_WEIGHTS]
    # Categories are the asker's words, who need not be this party.
    told = [f"{word(w['value'])} {w['weight']:+.2f}" for w in shown]
    more = len(weights) - len(shown)
    return ", ".join(told) + (f", and {more:,} that weigh less" if more else "")


def statistics(found: dict[str, Any]) -> Iterator[str]:
    """Say what a question brought, a line for each cell."""
    whom = "all who were exposed" if found.get("among") else "people in common"
    yield f"{found['query']} of {whom}, by {', '.join(found['keys']) or 'nothing'}:"
    for row in found["rows"]:
        key = ", ".join(row["key"]) or "all"
        if row["value"] is None:
            yield f"  {key}: hidden ({row['hidden']})"
        else:
            shown = _MEASURES.get(row["key"][1], _plain) if found["query"] == "lift" else _plain
            low, high = row["low"], row["high"]
            between = "" if low is None else f" ({shown(low)} to {shown(high)})"
            yield f"  {key}: {shown(row['value'])}{between}"
    for hidden in found["hidden"]:
        yield f"  {hidden['text']}"
    for text in found["notes"]:
        yield f"  note: {text}"


def _plain(number: float) -> str:
    return f"{number:,}"


def _columns(columns: Sequence[dict[str, Any]]) -> Iterator[str]:
    """Say what is odd about this side's columns: what is missing, out of bounds, left out."""
    for one in columns:
        said = []
        if one["constant"]:
            said.append("is the same for everybody, and was left out")
        if one["missing_percent"]:
            said.append(f"is missing for {one['missing_percent']} %")
        if one["out_of_bounds_percent"]:
            said.append(f"is outside what was stated for {one['out_of_bounds_percent']} %")
        if said:
            yield f"  column {one['column']} {'; '.join(said)}"


def _brought(own: dict[str, Any]) -> Iterator[str]:
    """Say what this side's people were matched by."""
    for kind, counts in own["identifiers"].items():
        yield f"  with {kind}: {counts['people']:,} people" + (
            f"; {counts['shared']:,} values that several people have are left out"
            if counts["shared"]
            else ""
        )
    if own["matched_by"] and len(own["matched_by"]) > 1:
        parts = [f"{count:,} by {kind}" for kind, count in own["matched_by"].items()]
        yield f"  in the audience: {', then '.join(parts)}"
    if own["unmatchable"]:
        yield f"  with none of these: {own['unmatchable']:,} people"
    if own["beyond"]:
        yield f"  further identifiers of the same people, left out: {own['beyond']:,}"
