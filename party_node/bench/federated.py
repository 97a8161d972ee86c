"""`accord bench lookalike --part federated`: the common model beside the pooled one.

People are divided at random among three partners; two in ten judge. The partners train by the
protocol (`protocols/federated`): masks, shares and signatures, OpenDP's noise at the whole price,
in this process. Once everybody stays; once one is gone after the first round. Beside it stand ridge
regressions on everybody's rows without noise: one of a usual strength, and the best of several, of
which the judges themselves say which it is. Flower, processes and the network are not in it.
"""

import statistics
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.preprocessing import OneHotEncoder

from party_node.bench.lookalike_data import People, usable
from party_node.surface_errors import BenchRefused
from protocols.codec import encode
from protocols.dp import budget
from protocols.federated import aggregator, fixed_point, learning, noise, partner, updates
from protocols.federated.aggregator import Model
from protocols.federated.fixed_point import Weights, Whole
from protocols.federated.terms import FederatedTerms, Run
from protocols.keys import PartyKeys
from protocols.lookalike.encoding import Bins, encode_rows, learn_one, numbers, suggest
from protocols.session import Rng

PARTNERS = ("first", "second", "third")
ROUNDS = 2
RIDGES = (0.01, 0.003, 0.001, 0.0003, 0.0001)
"""For each person, of the pooled regressions; the first is the usual one."""
DELTA_EXPONENT = 8
_JUDGES = 0.2
_PARTS = 8
"""Into so many bins a number with many values is cut, as a question's public bins would."""
_FEW_VALUES = 20
_CATEGORIES = 15
"""With a bin of their own, the most frequent ones: a weight of few people has noise as well."""
_LEAST = 1000
_FIGURES = ("auc", "ratio_to_pooled", "ratio_to_best_pooled", "wall_seconds", "cpu_seconds")


@dataclass(slots=True)
class _Member:
    """One partner: its state, its keys and its people."""

    state: partner.Partner
    keys: PartyKeys
    people: learning.People
    rng: Rng

    def answer(self, question: Any, terms: FederatedTerms) -> bytes:
        """Return the answer to a question, as it is sent."""

        def learn(turn: int, weights: bytes) -> Whole:
            return noise.add(terms, turn, updates.update(terms, turn, self.people, weights))

        self.state = partner.answer(self.state, question, self.keys, learn, self.rng)
        assert self.state.answer is not None
        return encode(self.state.answer)


def measure(people: People, repeats: int, rho_nano: int) -> dict[str, Any]:
    """Return the figures; `rho_nano` is what both rounds cost a partner towards another one.

    Raises: BenchRefused.
    """
    columns, refused = usable(people)
    if len(people.wanted) < _LEAST:
        raise BenchRefused(f"three partners are measured on {_LEAST} people or more")
    bins = tuple(_public(name, column) for name, column in columns.items())
    codes, labels = encode_rows(bins, columns), people.wanted.astype(np.uint8)
    one_hot = tuple(one.size for one in bins)
    runs = [_run(codes, labels, one_hot, rho_nano // ROUNDS, at) for at in range(repeats)]
    priced = rho_nano // ROUNDS * ROUNDS
    found: dict[str, Any] = {
        "data": people.name,
        "people": len(labels),
        "wanted": int(people.wanted.sum()),
        "refused_columns": refused,
        "columns": 1 + sum(one_hot),
        "partners": len(PARTNERS),
        "rounds": ROUNDS,
        "ridges": list(RIDGES),
        "rho_nano": priced,
        "epsilon": budget.epsilon(priced, DELTA_EXPONENT),
        "delta_exponent": DELTA_EXPONENT,
        "repeats": repeats,
        "pooled_auc": round(statistics.median(run["pooled"] for run in runs), 4),
        "best_pooled_auc": round(statistics.median(run["best_pooled"] for run in runs), 4),
    }
    for kind in ("all_stay", "one_drops_out"):
        found[kind] = {
            key: round(statistics.median(run[kind][key] for run in runs), 4) for key in _FIGURES
        }
        found[kind]["partners_of_each_round"] = runs[0][kind]["partners_of_each_round"]
    return found


def _public(name: str, column: Any) -> Bins:
    """Return bins that a question could state: eighths, or each value where they are few."""
    feature = suggest(name, column)
    if not feature.kind.is_measured:
        return Bins(feature, None, learn_one(feature, column).categories[:_CATEGORIES])
    values = numbers(name, column)
    told = values[np.isfinite(values)]
    edges = np.unique(told)
    if len(edges) > _FEW_VALUES:
        edges = np.unique(np.quantile(told, np.arange(1, _PARTS) / _PARTS))
    else:
        edges = edges[:-1]
    return Bins(feature, np.asarray(edges, np.float64))


def _run(
    codes: learning.Codes, labels: NDArray[np.uint8], one_hot: tuple[int, ...], rho: int, at: int
) -> dict[str, Any]:
    order = np.random.default_rng([6, at]).permutation(len(labels))
    judges, rest = np.split(order, [int(_JUDGES * len(order))])
    parts = [learning.People(codes[p], labels[p]) for p in np.array_split(rest, len(PARTNERS))]
    terms = _terms(PARTNERS, [len(p.labels) for p in parts], one_hot, rho)

    def area(weights: Weights) -> float:
        return float(roc_auc_score(labels[judges], learning.score(terms, weights, codes[judges])))

    rows = _one_hot(codes)
    areas = []
    for ridge in RIDGES:
        fitted = _pooled(rows[rest], labels[rest], ridge)
        areas.append(float(roc_auc_score(labels[judges], rows[judges] @ fitted)))
    pooled, best = areas[0], max(areas)
    found: dict[str, Any] = {"pooled": pooled, "best_pooled": best}
    for kind, gone in (("all_stay", ""), ("one_drops_out", PARTNERS[-1])):
        began, used = time.monotonic(), time.process_time()
        model = train(terms, parts, gone)
        spent = time.monotonic() - began, time.process_time() - used
        auc = area(fixed_point.read_weights(terms, model.weights))
        found[kind] = {
            "auc": auc,
            "ratio_to_pooled": auc / pooled,
            "ratio_to_best_pooled": auc / best,
            "wall_seconds": spent[0],
            "cpu_seconds": spent[1],
            "partners_of_each_round": [len(turn.contributed) for turn in model.turns],
        }
    return found


def _terms(
    parties: tuple[str, ...], sizes: list[int], one_hot: tuple[int, ...], rho_nano: int
) -> FederatedTerms:
    return FederatedTerms(
        job="0f" * 16,
        parties=parties,
        sizes=tuple(sizes),
        threshold=len(parties) // 2 + 1,
        rounds=ROUNDS,
        one_hot=one_hot,
        ridge_milli=0,
        rho_nano=rho_nano,
    )


def _one_hot(codes: learning.Codes) -> Any:
    """Return a sparse matrix: the constant, then a column for each code that anybody has."""
    constant = np.zeros((len(codes), 1), codes.dtype)
    return OneHotEncoder().fit_transform(np.concatenate([constant, codes], axis=1))


def _pooled(rows: Any, labels: NDArray[np.uint8], ridge: float) -> Weights:
    """Return what one party with everybody's rows would fit, without noise."""
    model = LogisticRegression(C=1 / (ridge * len(labels)), fit_intercept=False, max_iter=1000)
    fitted: Weights = model.fit(rows, labels).coef_[0]
    return fitted


def train(terms: FederatedTerms, parts: list[learning.People], gone: str) -> Model:
    """Let partners train; `gone` is silent after the first round."""
    keys = {}
    for at, party in enumerate(terms.parties):
        keys[party] = PartyKeys.generate(party, np.random.default_rng([9, at]).bytes)
    run = Run(terms, tuple(one.public() for one in keys.values()))
    members = {}
    for at, (party, people) in enumerate(zip(terms.parties, parts, strict=True)):
        rng = np.random.default_rng([10, at]).bytes
        members[party] = _Member(partner.begin(run, party, rng), keys[party], people, rng)
    state: aggregator.Aggregator | Model = aggregator.begin(run)
    while isinstance(state, aggregator.Aggregator):
        late = state.turn > 0
        answers = {
            party: members[party].answer(question, terms)
            for party, question in aggregator.questions(state).items()
            if not (late and party == gone)
        }
        state = aggregator.collect(state, answers)
    return state


def words(found: dict[str, Any]) -> Iterator[list[str]]:
    """Return the figures for people: a line for each training."""
    yield ["pooled, without noise", f"{found['pooled_auc']:.3f}", "", "", ""]
    yield ["the best of them", f"{found['best_pooled_auc']:.3f}", "", "", ""]
    for kind in ("all_stay", "one_drops_out"):
        at = found[kind]
        ratios = f"{at['ratio_to_pooled']:.3f}", f"{at['ratio_to_best_pooled']:.3f}"
        figures = f"{at['auc']:.3f}", *ratios, f"{at['cpu_seconds']:.1f}"
        yield [kind.replace("_", " "), *figures]
