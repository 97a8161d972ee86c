"""`accord bench lookalike`: the model beside central tree models and the noised mean seed.

The setting: half of the people are the partner's population, the others judge. Seeds are a random
sample of the wanted ones; of the rest of them so many stay in the population, unmarked, that they
are at most one in twenty of those unmarked. The model is given what a run would give: noised sums
of the seeds that train (a part is held out for evaluation, as in a run) at the whole price. The
peers are given every label, of all seeds. Noise here is a rounded Gaussian from a seed, so that
figures repeat; a run draws it with OpenDP.

Recall stands there three times, each of another group. As a run tells it: of the held-out seeds,
with its interval. What it tells of: of the wanted among the judges, whom an audience of the best
tenth *of the population* would reach; seeds are a draw of such people, so this is what the interval
is to hold. And of the wanted among the judges in the best tenth of the judges, of whom more are
wanted than of the population.
"""

import math
import resource
import statistics
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import roc_auc_score

from party_node.bench import lookalike_peers as peers
from party_node.bench.lookalike_data import People, usable
from party_node.surface_errors import BenchRefused
from protocols.dp import budget
from protocols.lookalike import evaluation, looking, training
from protocols.lookalike.encoding import Codes, encode_rows, learn_bins, suggest
from protocols.lookalike.features import FeatureSpecification
from protocols.lookalike.kernel import Embedding
from protocols.lookalike.measured import Look
from protocols.lookalike.representation import Representation
from protocols.lookalike.seeds import seeds_step, split
from protocols.lookalike.sums import REFERENCE_NANO
from protocols.session import Rng

HIDDEN = 0.05
"""Largest part of the unmarked population that is wanted all the same."""
DELTA_EXPONENT = 8
RATIOS = ("ratio_to_central", "ratio_as_they_come")
"""To the better peer: at its best, and with its own defaults."""
_PART = 0.1
_TENTH = evaluation.REACHES_PERMILLE.index(100)


@dataclass(frozen=True, slots=True)
class Asked:
    """What is measured."""

    seeds: tuple[int, ...]
    repeats: int = 5
    rho_nano: int = REFERENCE_NANO


@dataclass(frozen=True, slots=True)
class _Setting:
    population: NDArray[np.intp]
    seeds: NDArray[np.bool_]
    judges: NDArray[np.intp]


def measure(people: People, asked: Asked) -> dict[str, Any]:
    """Return the figures. Raises: BenchRefused; what a lookalike refuses."""
    settings = {
        seeds: [_setting(people.wanted, seeds, repeat) for repeat in range(asked.repeats)]
        for seeds in asked.seeds
    }
    populations = [at.population for some in settings.values() for at in some if at is not None]
    columns, refused = usable(people, populations)
    found: dict[str, Any] = {
        "data": people.name,
        "people": len(people.wanted),
        "wanted": int(people.wanted.sum()),
        "columns": len(columns),
        "refused_columns": refused,
        "rho_nano": asked.rho_nano,
        "epsilon": budget.epsilon(asked.rho_nano, DELTA_EXPONENT),
        "delta_exponent": DELTA_EXPONENT,
        "repeats": asked.repeats,
        "peers": list(peers.installed()),
        "sizes": {},
    }
    rows = peers.table(columns) if peers.installed() else None
    for seeds, some in settings.items():
        runs = []
        for repeat, setting in enumerate(some):
            if setting is None:
                break
            run = _model(columns, people.wanted, setting, asked.rho_nano, repeat)
            for peer in peers.installed():
                assert rows is not None
                areas = _peer(peer, rows, people.wanted, setting)
                run |= {peer: max(areas), f"{peer}_as_it_comes": areas[0]}
            runs.append(run)
        if runs:
            found["sizes"][str(seeds)] = _middle(runs)
    if not found["sizes"]:
        raise BenchRefused("there are fewer wanted people in half of the data than seeds asked for")
    return found


def _setting(wanted: NDArray[np.bool_], seeds: int, repeat: int) -> _Setting | None:
    draws = np.random.Generator(np.random.PCG64([2, repeat]))
    order = draws.permutation(len(wanted))
    half, judges = order[: len(order) // 2], order[len(order) // 2 :]
    there, rest = half[wanted[half]], half[~wanted[half]]
    if len(there) < seeds:
        return None
    hidden = there[seeds:][: int(HIDDEN / (1 - HIDDEN) * len(rest))]
    population = np.concatenate([there[:seeds], hidden, rest])
    marks = np.arange(len(population)) < seeds
    mixed = draws.permutation(len(population))
    return _Setting(population[mixed], marks[mixed], judges)


def _model(
    columns: dict[str, Any], wanted: NDArray[np.bool_], setting: _Setting, rho: int, repeat: int
) -> dict[str, Any]:
    began, used = time.perf_counter(), time.process_time()
    own = {name: column.take(setting.population) for name, column in columns.items()}
    spec = FeatureSpecification(tuple(suggest(name, column) for name, column in own.items()))
    bins = learn_bins(spec, own)
    codes = encode_rows(bins, own)
    count = int(setting.seeds.sum())
    rng, draws = _seeded(repeat), np.random.Generator(np.random.PCG64([3, repeat]))
    mixed = draws.permutation(np.flatnonzero(setting.seeds))
    part = split(count)
    trains = codes[mixed[: part.training]]
    first = looking.first_look(bins, codes, seeds_step(count), rho, rng)
    before = Look(first, noised_sum(first, trains, draws))
    made = looking.second_look(before, codes, rng)
    model = training.train(made, codes, noised_sum(made, trains, draws), rng, before)
    scores = model.score(codes)
    spent = time.perf_counter() - began, time.process_time() - used
    held_out = evaluation.buckets(scores)[mixed[part.training :]]
    counts = np.bincount(held_out, minlength=len(evaluation.REACHES_PERMILLE)).astype(np.int64)
    sigma = budget.sigma_for(rho)
    counts += np.rint(sigma * draws.normal(size=len(counts))).astype(np.int64)
    curve = evaluation.curve(scores, counts, rho)
    judged = encode_rows(bins, {n: c.take(setting.judges) for n, c in columns.items()})
    truth = wanted[setting.judges]
    found = model.score(judged)
    told, recall = curve.points[_TENTH], reached(found[truth], scores, _PART)
    return {
        "auc": float(roc_auc_score(truth, found)),
        "mean_seed": _mean_seed(first.embedding, rho, codes, judged, truth, setting.seeds, draws),
        "columns_of_the_sums": first.columns + made.columns,
        "wall_seconds": spent[0],
        "cpu_seconds": spent[1],
        "recall_at_10_percent_of_population_told": told.recall_permille / 1000,
        "recall_at_10_percent_of_population": recall,
        "recall_at_10_percent_of_judges": reached(found[truth], found, _PART),
        "recall_interval_holds": told.low_permille <= 1000 * recall <= told.high_permille,
    }


def reached(wanted: NDArray[np.floating], population: NDArray[np.floating], part: float) -> float:
    """Return which part of people with scores `wanted` an audience of the best `part` of a
    population reaches; of those who score as its last ones, as many as of these.
    """
    ordered = np.sort(population)[::-1]
    size = max(math.ceil(part * len(ordered)), 1)
    last = ordered[size - 1]
    tied = (size - (ordered > last).sum()) / (ordered == last).sum()
    return float((wanted > last).mean() + tied * (wanted == last).mean())


def noised_sum(made: Representation, seeds: Codes, draws: np.random.Generator) -> NDArray[np.int64]:
    """Return what a run's aligned sum would give of these seeds' codes."""
    exact = made.rows(seeds).sum(axis=0, dtype=np.int64)
    sigma = made.sum_params(max(len(seeds), 1)).sigma_milli[0] / 1000
    return np.asarray(exact + np.rint(sigma * draws.normal(size=len(exact))).astype(np.int64))


def _mean_seed(
    embedding: Embedding, rho: int, codes: Codes, judged: Codes,
    truth: NDArray[np.bool_], seeds: NDArray[np.bool_], draws: np.random.Generator,
) -> float:  # fmt: skip
    """Return the area under the curve of cosine similarity to the noised mean seed, of all seeds at
    the whole price, over features of equal weight.
    """
    own = np.flatnonzero(seeds)
    everybody = np.ones(len(own), bool)
    mean = peers.mean_seed(embedding(codes[own]), everybody, budget.sigma_for(rho), draws)
    return float(roc_auc_score(truth, peers.cosine(embedding(judged), mean)))


def _peer(
    peer: str, rows: tuple[NDArray[np.float32], list[int]], wanted: NDArray[np.bool_], at: _Setting
) -> list[float]:
    """Return the areas under the curve of a peer as it comes, and of its sizes."""
    values, categories = rows
    models = peers.fitted(peer, values[at.population], at.seeds, categories)
    truth = wanted[at.judges]
    return [float(roc_auc_score(truth, scores(values[at.judges]))) for scores in models]


def _middle(runs: list[dict[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {
        key: round(statistics.median(float(run[key]) for run in runs), 4) for key in runs[0]
    }
    found["recall_interval_holds"] = sum(run["recall_interval_holds"] for run in runs)
    found["runs"] = len(runs)
    central = [name for name in peers.installed() if name in runs[0]]
    if central:
        found["ratio_to_central"] = _ratio(runs, central)
        found["ratio_as_they_come"] = _ratio(runs, [f"{name}_as_it_comes" for name in central])
    over = [run["auc"] - run["mean_seed"] for run in runs]
    found["over_mean_seed"] = round(statistics.median(over), 4)
    found["above_mean_seed"] = sum(gained >= 0 for gained in over)
    found["peak_mib"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    return found


def _ratio(runs: list[dict[str, Any]], central: list[str]) -> float:
    """Return the middle of the ratios to the better one of these central models."""
    ratios = [float(run["auc"]) / max(run[name] for name in central) for run in runs]
    return round(float(statistics.median(ratios)), 4)


def _seeded(repeat: int) -> Rng:
    draws = np.random.Generator(np.random.PCG64([5, repeat]))
    return draws.bytes


def rows(found: dict[str, Any]) -> Iterator[list[str]]:
    """Return the figures for people: a line for each number of seeds."""
    for seeds, at in found["sizes"].items():
        yield [
            f"{int(seeds):,}",
            f"{at['auc']:.3f}",
            *(f"{at[peer]:.3f}" for peer in found["peers"]),
            *(f"{at[ratio]:.3f}" if found["peers"] else "–" for ratio in RATIOS),
            f"{at['mean_seed']:.3f}",
            f"{at['recall_at_10_percent_of_judges']:.2f}",
            str(int(at["columns_of_the_sums"])),
            f"{at['cpu_seconds']:.1f}",
        ]
