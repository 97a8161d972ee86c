"""A model in plain words: whom it finds, how many it can score now, how it does by later outcomes.

How good it is: `model_quality.py`. What is not known says so, and why.
"""

from collections.abc import Mapping
from typing import Any

from party_node.console.model_quality import Said
from party_node.job_kinds import FEDERATED, JOINT, LOOKALIKE
from party_node.jobs import Jobs
from party_node.reason_words import most_first
from party_node.tracking.words import OF_REACH, SHORT
from protocols.dp.queries.filter_words import condition
from protocols.federated.asked import Federated
from protocols.job import JobDescription
from protocols.joint.asked import Joint
from protocols.joint.asked_again import JointAgain
from protocols.lookalike.asked import Lookalike
from protocols.question import read
from protocols.sums.segments import Segments
from protocols.verdict import Verdict

KINDS: Mapping[str, str] = {
    LOOKALIKE: "Lookalike",
    FEDERATED: "Common model",
    JOINT: "Joint score",
}
STATES: Mapping[Verdict, str] = {
    verdict: short[0].upper() + short[1:] for verdict, short in SHORT.items()
}


def finds(jobs: Jobs, job: JobDescription) -> str:
    """Say whom a model finds, by the question of the job that made it."""
    asked = read(job.question)
    if isinstance(asked, JointAgain):
        return finds(jobs, jobs.description(asked.by))
    if isinstance(asked, Lookalike):
        only = _only(asked.chosen)
        return f"People like {job.sender}’s {asked.seeds_dataset}{f' where {only}' if only else ''}"
    if isinstance(asked, Federated):
        label = asked.label
        return f"People whose {label.column} is likely to be {' or '.join(label.positive)}"
    assert isinstance(asked, Joint)
    return f"People of both, by how likely it is that {_only(asked.wanted)}"


def _only(chosen: Segments) -> str:
    return condition(chosen.schema, chosen.where) if chosen.where is not None else ""


def people(one: Mapping[str, Any]) -> Said:
    """Say how many people can be scored now, and why the others cannot."""
    found = one["scoring"]
    if found is None:
        (partner,) = one["with"]
        return Said("None here", f"{partner} keeps the model, and scores its own people")
    if found["refused"]:
        why = f"{found['why']} ({found['refused']})" if found["why"] else found["refused"]
        return Said("Nobody", why, found["hint"], warns=True)
    return Said(
        f"{found['permitted']:,}",
        f"of {found['asked']:,} people",
        f"withheld: {withheld(found['withheld'])}",
        warns=not found["permitted"],
    )


def withheld(reasons: Mapping[str, int]) -> str:
    """Say how many people consent does not cover, by reason."""
    told = [f"{people:,} {reason}" for reason, people in most_first(reasons)]
    return ", ".join(told) or "nobody"


def state(one: Mapping[str, Any]) -> Said:
    """Say how a model does by later outcomes, as far as this party knows, and who withdrew."""
    gone = withdrawn(one)
    if one["tracked"]:
        newest = one["tracked"][0]
        verdict = Verdict(newest["verdict"])
        return Said(STATES[verdict], _why(verdict), gone, warns=verdict is Verdict.WORSE)
    if one["kind"] != LOOKALIKE:
        return Said(
            "Compared when asked", "by outcomes of your own people; no result is kept", gone
        )
    if one["kept_here"]:
        (brand,), times = one["with"], len(one["asked_about"])
        if times:
            figure = f"Asked {times} times" if times > 1 else "Asked once"
            return Said(figure, f"by {brand}; the answer is {brand}’s alone", gone)
        return Said("Not asked yet", f"only {brand} knows what became of its people", gone)
    return Said("Not compared yet", "no later outcome has been asked about", gone)


def _why(verdict: Verdict) -> str:
    return OF_REACH[verdict].removeprefix(SHORT[verdict]).lstrip(":, ")


def withdrawn(one: Mapping[str, Any]) -> str:
    """Say how many of those whom the job used may not be used any more."""
    used = one["used"]
    if used is None or used["no_longer"] is None:
        return "how many have withdrawn since is not known here"
    gone = used["no_longer"]
    return f"withdrawn since, or consent has ended: {gone:,} of {used['people']:,} people"
