"""The question of a job in plain words, complete: for whoever asks it, and whoever must say yes.

Everything stands in the signed job, so both sides read the same words. The question is agreed text:
columns, bounds, conditions. No value of any person is in it.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from party_node.query_words import column, counted, segments
from protocols.dp.budget import Rho
from protocols.dp.queries.filter_words import condition, word
from protocols.dp.queries.query import Query
from protocols.dp.queries.schema import written
from protocols.federated.asked import Federated
from protocols.job import JobDescription
from protocols.joint.asked import Joint
from protocols.joint.asked_again import JointAgain
from protocols.lookalike import days
from protocols.lookalike.asked import Lookalike
from protocols.lookalike.features import Feature, FeatureKind, FeatureSpecification
from protocols.question import Asked, read
from protocols.sums.insight import Insight
from protocols.sums.segments import Segments

_MILLI_PLACES = 3


@dataclass(frozen=True, slots=True)
class Said:
    """One part of a question, with all lines that it has."""

    part: str
    lines: tuple[str, ...]


def question(job: JobDescription) -> tuple[Said, ...]:
    """Return what a job asks beside the match; nothing where it asks nothing.

    Raises: MalformedMessage, InvalidParameter.
    """
    if not job.question:
        return ()
    return tuple(_parts(job, read(job.question)))


def _parts(job: JobDescription, asked: Asked) -> Iterator[Said]:
    match asked:
        case Lookalike():
            return _of_lookalike(job, asked)
        case Joint():
            return _of_joint(job, asked)
        case JointAgain():
            return _of_scores_again(job, asked)
        case Federated():
            return _of_training(asked)
        case Insight():
            return _of_insight(job, asked)


def feature(one: Feature) -> str:
    """Return a column of a model with its kind and everything that bounds it."""
    name = word(one.column)
    if one.kind.is_measured:
        low, high = one.low_milli, one.high_milli
        what, say = ("dates", _day) if one.kind is FeatureKind.DATE else ("numbers", _number)
        ends = [f"from {say(low)}"] if low is not None else []
        ends += [f"up to {say(high)}"] if high is not None else []
        said = f"{name}: {what} {' '.join(ends) or 'without bounds'}"
        cut = ", ".join(say(edge) for edge in one.edges_milli)
        return f"{said}, in bins cut at {cut}" if cut else said
    if one.kind is FeatureKind.ORDINAL:
        return f"{name}: categories in this order: {', '.join(map(word, one.categories))}"
    if one.categories:
        return f"{name}: categories {', '.join(map(word, one.categories))}; all else is one more"
    return f"{name}: categories, those that most people there have; all else is one more"


def _of_lookalike(job: JobDescription, asked: Lookalike) -> Iterator[Said]:
    yield Said("whom it is about", (f"{asked.population} of {job.receiver}, who scores them",))
    yield _features(f"columns of {job.receiver}", asked.features)
    expected = f"{asked.step:,} or more of them are expected among {asked.population}"
    seeds = _people(asked.seeds_dataset, asked.chosen)
    yield Said(f"seeds, of {job.sender}", (seeds, expected))
    yield from _columns_read(job.sender, asked.chosen)
    yield Said("audience", (f"the {asked.audience:,} best" if asked.audience else "none is asked",))


def _of_joint(job: JobDescription, asked: Joint) -> Iterator[Said]:
    yield Said(f"label, of {job.receiver}", (_people(asked.ours_dataset, asked.wanted),))
    yield from _columns_read(job.receiver, asked.wanted)
    yield _features(f"columns of {job.receiver}, in {asked.ours_dataset}", asked.ours)
    yield _features(f"columns of {job.sender}, in {asked.theirs_dataset}", asked.theirs)
    yield Said("sums", ("with noise" if asked.noise else "exact, without noise",))


def _of_scores_again(job: JobDescription, asked: JointAgain) -> Iterator[Said]:
    yield Said("model", (f"that of job {asked.by}; nothing is trained",))
    yield _features(f"columns of {job.receiver}, in {asked.ours_dataset}", asked.ours)
    yield _features(f"columns of {job.sender}, in {asked.theirs_dataset}", asked.theirs)


def _of_training(asked: Federated) -> Iterator[Said]:
    label, needed = asked.label, asked.threshold
    yes = " or ".join(map(word, label.positive))
    foretold = f"whether {word(label.column)} is {yes}; every other value is a no"
    yield Said("what is foretold", (foretold,))
    yield _features("columns of each partner", asked.features)
    yield Said(
        "rounds",
        (
            f"{asked.rounds}, each at rho {Rho(asked.rho_nano).decimal()} towards each partner",
            f"with at least {needed} partners" if needed else "with more than half of the partners",
        ),
    )
    ridge = _number(asked.ridge_milli) if asked.ridge_milli else "as noise and data ask"
    yield Said("regularisation", (ridge,))


def _of_insight(job: JobDescription, asked: Insight) -> Iterator[Said]:
    query = asked.query
    yield Said("question", tuple(counted(asked, job.minimum_size)))
    yield Said(f"people of {job.sender}", (_people(query.dataset, query),))
    if query.schema.columns:
        read_there = tuple(column(one) for one in query.schema.columns)
        yield Said(f"columns of {job.sender}", read_there)
    ours = (_people(job.receiver_dataset, asked.ours), *segments(asked.ours))
    yield Said(f"people of {job.receiver}", ours)
    yield from _columns_read(job.receiver, asked.ours)


def _features(part: str, found: FeatureSpecification) -> Said:
    return Said(part, tuple(feature(one) for one in found.features))


def _people(dataset: str, chosen: Segments | Query) -> str:
    """Say which people of a dataset are meant."""
    if chosen.where is None:
        return f"all of {dataset}"
    return f"those of {dataset} where {condition(chosen.schema, chosen.where, None)}"


def _columns_read(party: str, chosen: Segments) -> Iterator[Said]:
    """Say which columns choose or divide people, and what is known of them."""
    if chosen.schema.columns:
        read_there = tuple(column(one) for one in chosen.schema.columns)
        yield Said(f"columns that {party} chooses by", read_there)


def _day(milli: int) -> str:
    return days.written(milli / 1000)


def _number(milli: int) -> str:
    return written(milli, _MILLI_PLACES)
