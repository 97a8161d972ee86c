"""`accord bench lookalike --part scale`: what the partner's side of a lookalike costs.

Made-up people, as many as asked for, with numbers and categories. Measured is what the partner does
beside the aligned sums, step by step: codes, the columns of both, training, scores; and by itself
what lays their rows out. The sum of so many rows is measured by `accord bench sums`.
"""

import time
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pyarrow as pa

from party_node.bench.lookalike import DELTA_EXPONENT, noised_sum
from party_node.bench.lookalike_data import People
from party_node.bench.peak import forget_peak, peak_mib
from party_node.surface_errors import BenchRefused
from protocols.auc import auc
from protocols.dp import budget
from protocols.lookalike import looking, training
from protocols.lookalike.encoding import encode_rows, learn_bins, suggest
from protocols.lookalike.features import FeatureSpecification
from protocols.lookalike.measured import Look
from protocols.lookalike.representation import Representation
from protocols.lookalike.seeds import FEWEST_SEEDS, seeds_step, split

PEOPLE, FEATURES = 1_000_000, 100
_WORDS = 12
"""Categories of a feature that is no number."""
_BATCH = 2**16


def make_many(rows: int, features: int) -> People:
    """Make people up: seven features of ten are numbers, and a few of all say who is wanted."""
    draws = np.random.default_rng(7)
    columns: dict[str, Any] = {}
    logits = np.zeros(rows, np.float32)
    words = pa.array([f"v{n}" for n in range(_WORDS)])
    for at in range(features):
        if at % 10 < 7:
            values = draws.normal(size=rows).astype(np.float32)
            columns[f"x{at}"] = pa.array(values)
            logits += (0.8 / (1 + at)) * values
        else:
            codes = draws.integers(0, _WORDS, rows).astype(np.int8)
            columns[f"x{at}"] = pa.DictionaryArray.from_arrays(pa.array(codes), words)
            logits += 0.5 * (codes == at % _WORDS)
    wanted = logits + draws.logistic(size=rows) > np.quantile(logits, 0.9)
    return People(f"made up: {rows:,} people", columns, wanted)


def measure(rows: int, seeds: int, rho_nano: int, features: int = FEATURES) -> dict[str, Any]:
    """Return the figures. Raises: BenchRefused; what a lookalike refuses."""
    people = make_many(rows, features)
    if not FEWEST_SEEDS <= seeds <= people.wanted.sum():
        raise BenchRefused(f"of {rows:,} made-up people {seeds:,} cannot be seeds")
    draws = np.random.default_rng(8)
    mixed = draws.permutation(np.flatnonzero(people.wanted))[:seeds]
    trains = mixed[: split(seeds).training]
    spec = FeatureSpecification(tuple(suggest(n, c) for n, c in people.columns.items()))
    forget_peak()
    data = peak_mib()
    spent: dict[str, dict[str, float]] = {}
    began = time.monotonic(), time.process_time()
    bins = _timed(spent, "bins", lambda: learn_bins(spec, people.columns))
    codes = _timed(spent, "codes", lambda: encode_rows(bins, people.columns))
    first = _timed(
        spent,
        "columns",
        lambda: looking.first_look(bins, codes, seeds_step(seeds), rho_nano, draws.bytes),
    )
    before = Look(first, noised_sum(first, codes[trains], draws))
    made = _timed(spent, "second columns", lambda: looking.second_look(before, codes, draws.bytes))
    paused = time.monotonic(), time.process_time()
    sums = noised_sum(made, codes[trains], draws)
    beside: dict[str, dict[str, float]] = {}
    _timed(beside, "rows", lambda: _lay_rows((first, made), codes))
    resumed = time.monotonic(), time.process_time()
    model = _timed(
        spent, "training", lambda: training.train(made, codes, sums, draws.bytes, before)
    )
    scores = _timed(spent, "scores", lambda: model.score(codes))
    wall, cpu = (
        end - start - (again - stop)
        for end, start, again, stop in zip(
            (time.monotonic(), time.process_time()), began, resumed, paused, strict=True
        )
    )
    others = np.setdiff1d(np.arange(rows), trains)
    return {
        "people": rows,
        "features": features,
        "seeds": seeds,
        "rho_nano": rho_nano,
        "epsilon": budget.epsilon(rho_nano, DELTA_EXPONENT),
        "delta_exponent": DELTA_EXPONENT,
        "columns_of_the_sums": first.columns + made.columns,
        "wall_seconds": round(wall, 2),
        "cpu_seconds": round(cpu, 2),
        "steps": spent,
        "rows_of_the_sum": beside["rows"],
        "data_mib": data,
        "peak_mib": peak_mib(),
        "auc": round(auc(scores[others].astype(np.float64), people.wanted[others]) or 0.0, 4),
    }


def _lay_rows(both: tuple[Representation, ...], codes: Any) -> None:
    for made in both:
        for at in range(0, len(codes), _BATCH):
            made.rows(codes[at : at + _BATCH])


def _timed(spent: dict[str, dict[str, float]], step: str, work: Callable[[], Any]) -> Any:
    began, used = time.monotonic(), time.process_time()
    found = work()
    spent[step] = {
        "wall_seconds": round(time.monotonic() - began, 3),
        "cpu_seconds": round(time.process_time() - used, 3),
    }
    return found


def words(found: dict[str, Any]) -> Iterator[list[str]]:
    """Return the figures for people: name, wall, CPU."""
    for step, at in [*found["steps"].items(), ("all of these", found)]:
        yield [step, f"{at['wall_seconds']:.1f}", f"{at['cpu_seconds']:.1f}"]
    at = found["rows_of_the_sum"]
    yield ["rows of the sum, beside", f"{at['wall_seconds']:.1f}", f"{at['cpu_seconds']:.1f}"]
    yield ["peak memory, MiB", str(found["peak_mib"]), ""]
    yield ["of these before it began", str(found["data_mib"]), ""]
