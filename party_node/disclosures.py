"""Who learns what from a job, and what was said before it ran, in plain words.

Everything stands in the signed job and the pre-flight records, so both sides read the same
sentences.
"""

from dataclasses import dataclass

from party_node import count_noise
from party_node.job_kinds import FEDERATED, INSIGHT, JOINT, LOOKALIKE
from party_node.statistics.document import kind_of
from protocols.dp.budget import Rho, questions_left
from protocols.dp.queries.answering import half_width
from protocols.dp.queries.filter_words import condition
from protocols.dp.queries.plan import ROWS
from protocols.federated.asked import Federated
from protocols.job import JobDescription, Preflight
from protocols.job_params import per_person
from protocols.joint.asked import Joint
from protocols.joint.asked_again import JointAgain
from protocols.lookalike.asked import Lookalike
from protocols.question import read
from protocols.sums.insight import Insight, question_of

COORDINATOR = "coordinator"


@dataclass(frozen=True, slots=True)
class Learns:
    """What one of those involved learns."""

    who: str
    what: str


@dataclass(frozen=True, slots=True)
class PreflightView:
    """One side's pre-flight; sizes are rounded down to 0, 1000, 2000, 5000, …"""

    party: str
    asked_step: int
    permitted_step: int
    seconds: int
    memory_mib: int
    traffic_kib: int
    rho_before: str
    rho_after: str
    questions_before: int
    questions_after: int
    """How many counts with ± 100 people at 95 % the budget buys."""
    refusal: str
    """Empty, or the error code for which this side would refuse."""
    earlier: str
    """Empty, or the earlier job whose release this side would answer with again."""


def who_learns(job: JobDescription) -> tuple[Learns, ...]:
    """Return what each party, and the coordinator, learns from `job`."""
    of_all = "both" if job.is_of_two() else "all"
    size = f"how many people {of_all} have, give or take {count_noise.half_width(job):,} (95 %)"
    below = f"; below {job.minimum_size} people nothing is said"
    if job.kind == INSIGHT:
        return (*_of_question(job), _coordinator(job))
    if job.kind == LOOKALIKE:
        return (*_of_lookalike(job), _coordinator(job))
    if job.kind == JOINT:
        return (*_of_joint(job, f"{size}{below}"), _coordinator(job))
    if job.kind == FEDERATED:
        return learns_of_training(job)
    if job.kind == "audience":
        receiver = f"which of its own people {_have(job)} too, and so how many{below}"
    else:
        receiver = f"{size}{below}{_who_counts(job)}"
        if (per_person(job) or 1) > 1:
            receiver += ", and how many people match with one identifier, with two and so on"
    return (
        Learns(job.receiver, receiver),
        *(
            Learns(source.party, f"{size}{below}; never which people{_never_pairwise(job)}")
            for source in job.senders
        ),
        _coordinator(job),
    )


def _coordinator(job: JobDescription) -> Learns:
    of_all = "both" if job.is_of_two() else "all"
    return Learns(
        COORDINATOR,
        f"that {' and '.join(job.parties())} ran this job, when, and how many bytes passed, "
        f"from which the sizes of {of_all} sets can be worked out; never who is in them",
    )


def _of_question(job: JobDescription) -> tuple[Learns, Learns]:
    """Return who learns what from a question about people in common."""
    asked = question_of(job.question)
    if asked.model:
        return _of_reach(job, asked)
    plan = asked.plan(job.minimum_size)
    columns = ", ".join(column.source for column in asked.query.schema.columns)
    of = f" of {columns}" if columns else ""
    only = (
        f", only where {condition(asked.query.schema, asked.query.where)}"
        if asked.query.where
        else ""
    )
    groups, laid = len(asked.groups), sum(asked.levels)
    ours = f", by its own {asked.ours.by} ({groups} groups)" if asked.ours.by else ""
    width = max((half_width(part.sigma) for part in plan.parts if part.measure == ROWS), default=0)
    noise = f", counts give or take {width:,} (95 %)" if width else ", with noise"
    cells, each = plan.cells * len(asked.groups), ""
    if laid > 1:
        each = f" and that of each of its {laid} groups"
    if asked.ours.number is not None:
        ours += f", with the sum of its own {asked.ours.number.source}"
        noise += f" and wider for a value, by {asked.ours.levels} levels"
        each += f", which are {asked.ours.levels} levels of its {asked.ours.number.source}"
    if asked.has_window:
        noise += " and wider for sums of several, within the window of each exposure"
    whom = "the people of both"
    if asked.has_rest:
        whom = f"all of {job.sender}'s people, those whom both have apart"
    return (
        Learns(
            job.receiver,
            f"the {kind_of(plan)}{of} over {whom}{only}{ours}: "
            f"{cells:,} cells{noise}; "
            f"cells below {job.minimum_size} people are hidden. Its node also sees how many match, "
            "with noise, but not who",
        ),
        Learns(
            job.sender,
            f"the question; the size of {job.receiver}'s list{each}, filled up to a step; not who "
            "matches, nor how many, nor the answer",
        ),
    )


def _of_reach(job: JobDescription, asked: Insight) -> tuple[Learns, Learns]:
    """Return who learns what from a question about the reach of a model."""
    (counts,) = asked.plan(job.minimum_size).parts
    return (
        Learns(
            job.receiver,
            f"how many of its own people who are meant are among the best 1 %, 2 %, 5 % … of "
            f"{job.sender}'s people by the model of job {asked.model}, each give or take "
            f"{half_width(counts.sigma):,} (95 %); numbers below {job.minimum_size} are hidden. "
            "Its node also sees how many match, with noise, but not who",
        ),
        Learns(
            job.sender,
            f"the question; the size of {job.receiver}'s list, filled up to a step; not who "
            "matches, nor how many, nor the answer",
        ),
    )


def learns_of_training(job: JobDescription) -> tuple[Learns, ...]:
    """Return what each partner, and the coordinator, learns from a federated training."""
    asked = read(job.question)
    assert isinstance(asked, Federated)
    columns = ", ".join(sorted(asked.columns - {asked.label.column}))
    alone = ", and with two partners the other's noisy sums" if job.is_of_two() else ""
    partner = (
        f"a model of {asked.label.column} by {columns}, after each of {asked.rounds} rounds, from "
        f"noisy sums over all partners' people{alone}; who took part; never a row"
    )
    return (
        *(Learns(party, partner) for party in job.parties()),
        Learns(
            COORDINATOR,
            "the features and the terms, coarse sizes, who took part in which round, the sums of "
            "each round (people by value, by label and by pairs of values, over all partners, with "
            "noise), and the model; never one partner's sums, nor who is in them",
        ),
    )


def _of_lookalike(job: JobDescription) -> tuple[Learns, Learns]:
    """Return who learns what from a model of seeds."""
    asked = read(job.question)
    assert isinstance(asked, Lookalike)
    columns = ", ".join(feature.column for feature in asked.features.features)
    keeps = f", and keeps an audience of the {asked.audience:,} best" if asked.audience else ""
    return (
        Learns(
            job.receiver,
            f"that there are {asked.step:,} seeds or more among its people; with noise, what "
            f"they have in common in {columns}. From this it makes a model and scores its own "
            f"people{keeps}; never who is a seed",
        ),
        Learns(
            job.sender,
            "how good the model is, by seeds that were held out, and what each feature weighs; "
            "how many seeds match, with noise; no column, no score and nobody's name",
        ),
    )


def _of_joint(job: JobDescription, size: str) -> tuple[Learns, Learns]:
    """Return who learns what from a joint score."""
    asked = read(job.question)
    assert isinstance(asked, Joint | JointAgain)
    columns = ", ".join(feature.column for feature in asked.theirs.features)
    if isinstance(asked, JointAgain):
        return (
            Learns(
                job.receiver,
                f"which of its own people {job.sender} has too, and one score for each of them, "
                f"by {columns} and its own columns as they are now; the model is that of job "
                f"{asked.by}, and nothing new is learnt about it",
            ),
            Learns(
                job.sender,
                f"{size}; never which people, nor a score. It scores by the weights that it was "
                f"shown in job {asked.by}, and by no others",
            ),
        )
    exact, alone, cells, tables = "with noise", "", "", ""
    if not asked.noise:
        exact = "exactly"
        alone = " (its node could read single people's off that, whom columns of its own set apart)"
    if asked.look.fine:
        cells = (
            "; how many of them there are for each value or range of these, and of two together, "
            "and what of the label its own columns leave there"
        )
        tables = (
            ", and for which values, alone or two together, it is more or less (its node could "
            "read single people's labels off that, whom columns of its own set apart)"
        )
    return (
        Learns(
            job.receiver,
            f"which of its own people {job.sender} has too; {exact}, how {columns} go together "
            f"over them, with each other, with the label and with its own columns{alone}{cells}; "
            "from this it makes a model, and gets one score for each of these people, in 256 steps",
        ),
        Learns(
            job.sender,
            f"{size}; what each of its columns weighs in the model, exactly{tables}; never which "
            "people, nor a label or a score, but as far as this tells them",
        ),
    )


def _have(job: JobDescription) -> str:
    names = [source.party for source in job.senders]
    return f"{names[0]} has" if job.is_of_two() else f"{' and '.join(names)} all have"


def _never_pairwise(job: JobDescription) -> str:
    return "" if job.is_of_two() else ", nor how many any fewer than all have"


def _who_counts(job: JobDescription) -> str:
    if count_noise.dummies_of(job):
        return ". The count leaves the matching with noise already"
    return ". Its node counts exactly, adds the noise and forgets the exact count"


def view(said: Preflight) -> PreflightView:
    """Return a pre-flight record for people."""
    return PreflightView(
        party=said.party,
        asked_step=said.asked_step,
        permitted_step=said.permitted_step,
        seconds=said.seconds,
        memory_mib=said.memory_mib,
        traffic_kib=said.traffic_kib,
        rho_before=Rho(said.rho_nano_before).decimal(),
        rho_after=Rho(said.rho_nano_after).decimal(),
        questions_before=questions_left(Rho(said.rho_nano_before)),
        questions_after=questions_left(Rho(said.rho_nano_after)),
        refusal=said.refusal,
        earlier=said.earlier,
    )
