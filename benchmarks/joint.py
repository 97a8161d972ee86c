"""A joint score of many people, and how good it is beside models of the pooled table.

    python -m benchmarks.joint speed [people]
    python -m benchmarks.joint accuracy FILE LABEL VALUE [--without COLUMN]

`speed` makes people up, 20 features at the one side and 30 at the other, runs both sides of the
whole protocol in this process, chunks in memory, by either route, and checks the model against a
fit of the pooled columns; then it scores the same people again by that model, and checks the scores
against the plain sum. Sealing, storing and carrying are not in it. `accuracy` takes a CSV or
Parquet file, gives the first half of its columns to the one side, and compares areas under the
curve on a half of the people who did not train; nothing is encrypted there, because sums are exact.
"""

import hashlib
import json
import sys
import time
from collections import deque
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq
from numpy.typing import NDArray

from protocols.codec import decode, encode
from protocols.joint import moments
from protocols.joint.again import KNOWN, joint_again
from protocols.joint.asked import HOLD_OUT_PERCENT
from protocols.joint.basis_learning import learn
from protocols.joint.fitting import fit
from protocols.joint.kept import KeptJointModel
from protocols.joint.records import (
    AcrossParams,
    JointAgainParams,
    JointParams,
    ScoreParams,
    WithinParams,
)
from protocols.joint.run import MODEL, TRAINS, joint_bfv, joint_cot, scores
from protocols.joint.scoring import Weights, pads_chunk, theirs_chunk, write_theirs
from protocols.joint.widths import UNIT
from protocols.lookalike.encoding import suggest
from protocols.lookalike.features import FeatureSpecification
from protocols.psi import chunks
from protocols.psi.chunks import MATCHED
from protocols.psi.params import JOB_CHUNK_ITEMS, OtParams
from protocols.session import Continue, Finish, Items, Role, TwoParty
from protocols.sums.alignment import own_values
from protocols.sums.layout import write_vector

PEOPLE, OWN, THEIRS = 100_000, 20, 30
CHUNK = moments.CHUNK_ROWS


def speed(people: int) -> dict[str, Any]:
    """Return figures of either route."""
    draws = np.random.default_rng(1)
    tables = [draws.normal(size=(people, k)) for k in (OWN, THEIRS)]
    told = tables[0][:, 0] + tables[1][:, 0] - tables[1][:, 1] + draws.normal(size=people)
    labels = (told > 0).astype(np.uint8)
    own, theirs = (_made(table) for table in tables)
    found = {"people": people, "own_columns": own.shape[1], "their_columns": theirs.shape[1]}
    kept: list[dict[str, bytes]] = []
    for route in (joint_cot(), joint_bfv()):
        params = _params(people, own.shape[1], theirs.shape[1])
        values = np.concatenate([labels[:, None], own], axis=1).astype(np.int32)
        kept = _laid(values, theirs, CHUNK)
        found[route.name] = _timed(route, params, people, kept)
        _check(kept[0], own, labels, theirs)
    model = decode(KeptJointModel, kept[0][MODEL])
    found["joint-again/1"] = _again(model, own, theirs)
    return found


def _again(
    model: KeptJointModel, own: NDArray[np.uint8], theirs: NDArray[np.uint8]
) -> dict[str, float]:
    """Score by the model, as a node does whose question names the job that made it.

    Raises: AssertionError if the scores are not those of the plain sum.
    """
    people, size = len(own), JOB_CHUNK_ITEMS
    first = OtParams(max_items=people, chunk_items=size, label_bytes=8)
    params = JointAgainParams(first, ScoreParams(theirs.shape[1], size))
    kept = _laid(own.astype(np.int32), theirs, size)
    kept[0][MODEL], kept[1][KNOWN] = encode(model), encode(Weights(model.weights))
    spent = _timed(joint_again(), params, people, kept)
    who = np.frombuffer(kept[0][MATCHED], "<u4")
    found = scores(params.second, people, kept[0].__getitem__, own[who])
    weighed = own[who].astype(np.int64) @ model.own_weights()
    weighed += theirs[who].astype(np.int64) @ np.array(model.weights, np.int64)
    assert len(who) == people
    assert np.array_equal(found, model.score(weighed))
    return spent


def _made(table: NDArray[np.float64]) -> NDArray[np.uint8]:
    columns = {f"x{n}": pa.array(table[:, n]) for n in range(table.shape[1])}
    spec = FeatureSpecification(tuple(suggest(name, c) for name, c in columns.items()))
    return learn(spec, columns).encode(columns)


def _timed(
    protocol: TwoParty, params: JointParams | JointAgainParams, people: int,
    kept: list[dict[str, bytes]],
) -> dict[str, float]:  # fmt: skip
    began, used = time.perf_counter(), time.process_time()
    sent = _carry(protocol, params, Items(people, params.chunk_items), kept)
    return {
        "wall_seconds": round(time.perf_counter() - began, 1),
        "cpu_seconds_both": round(time.process_time() - used, 1),
        "megabytes_sent": round(sent / 1e6, 1),
    }


def _laid(
    values: NDArray[np.int32], theirs: NDArray[np.uint8], size: int
) -> list[dict[str, bytes]]:
    """Return what brand and partner find before they begin."""
    people, draws = len(theirs), np.random.default_rng(2)
    digests = [hashlib.sha256(b"%d" % n).digest() for n in range(people)]
    pads = draws.integers(0, 2**32, people, np.uint32)
    said = np.stack([np.arange(people, dtype="<u4"), pads], axis=1).astype("<u4")
    kept: list[dict[str, bytes]] = [{}, {}]
    for i, at in enumerate(range(0, people, size)):
        here = slice(at, at + size)
        for side in kept:
            side[chunks.own(i)] = b"".join(digests[here])
        kept[0][own_values(i)] = write_vector(values[here])
        kept[1] |= {
            theirs_chunk(i): write_theirs(theirs[here]),
            chunks.own_labels(i): said[here].tobytes(),
            pads_chunk(i): pads[here].astype("<u4").tobytes(),
        }
    return kept


def _carry(
    protocol: TwoParty,
    params: JointParams | JointAgainParams,
    items: Items,
    kept: list[dict[str, bytes]],
) -> int:
    """Take both sides to their end; return how many bytes passed."""
    rngs = [np.random.default_rng(n).bytes for n in (3, 4)]
    inboxes: list[deque[bytes]] = [deque(), deque()]
    states: list[bytes | None] = [b"", b""]
    speaking, sent = [False, False], 0

    def take(at: int, transition: Any) -> int:
        kept[at] |= transition.keep
        done = isinstance(transition, Finish)
        states[at] = None if done else encode(transition.state)
        speaking[at] = isinstance(transition, Continue)
        message = getattr(transition, "message", None)
        if message is None:
            return 0
        inboxes[1 - at].append(encode(message))
        return len(inboxes[1 - at][-1])

    for at, role in enumerate(Role):
        sent += take(at, protocol.begin(role, params, bytes(32), items, rngs[at]))
    while any(state is not None for state in states):
        for at in (0, 1):
            state = states[at]
            if state is None or not (speaking[at] or inboxes[at]):
                continue
            heard = None if speaking[at] else inboxes[at].popleft()
            sent += take(at, protocol.resume(state, heard, kept[at].__getitem__, rngs[at]))
    return sent


def _params(people: int, own: int, theirs: int) -> JointParams:
    first = OtParams(max_items=people, chunk_items=CHUNK, label_bytes=8)
    within = WithinParams(first, moments.within_params(theirs, people, 0), HOLD_OUT_PERCENT)
    across = AcrossParams(within, moments.across_params(theirs, own, people, 0))
    return JointParams(across, ScoreParams(theirs, CHUNK))


def _check(
    kept: dict[str, bytes], own: NDArray[np.uint8], labels: NDArray[np.uint8],
    theirs: NDArray[np.uint8],
) -> None:  # fmt: skip
    """Raises: AssertionError if the model is not that of the pooled columns."""
    trains = np.frombuffer(kept[TRAINS], np.uint8).astype(bool)
    who = np.frombuffer(kept[MATCHED], "<u4")[trains]
    wanted = _pooled(own[who], labels[who], theirs[who])
    model = decode(KeptJointModel, kept[MODEL])
    assert len(trains) == len(own)
    assert np.allclose(np.array(model.weights) * UNIT / model.per_one, wanted.theirs, atol=1e-5)


def _pooled(own: NDArray[np.uint8], labels: NDArray[np.uint8], theirs: NDArray[np.uint8]) -> Any:
    p = theirs.shape[1]
    within = np.zeros(p + p * (p + 1) // 2, np.int64)
    for at in range(0, len(own), CHUNK):
        within += moments.with_products(theirs[at : at + CHUNK]).sum(axis=0, dtype=np.int64)
    values = np.concatenate([labels[:, None], own], axis=1).astype(np.int32)
    across = moments.vectors_of(values).astype(np.int64).T @ theirs.astype(np.int64)
    return fit(moments.second_moments(own, labels, within, across), own.shape[1])


def accuracy(path: Path, label: str, value: str, without: list[str]) -> dict[str, Any]:
    """Return areas under the curve on people who did not train."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.metrics import roc_auc_score

    table = _read(path)
    labels = np.array([str(v).strip() == value for v in table[label].to_pylist()])
    names = [name for name in table.schema.names if name not in (label, *without)]
    halves = names[: len(names) // 2], names[len(names) // 2 :]
    sides, plain = [], []
    for half in halves:
        columns = {name: table[name].combine_chunks() for name in half}
        spec = FeatureSpecification(tuple(suggest(name, c) for name, c in columns.items()))
        sides.append(learn(spec, columns).encode(columns))
        plain.append(np.concatenate([_standard(c) for c in columns.values()], axis=1))
    order = np.random.default_rng(0).permutation(len(labels))
    trains, judges = order[: len(order) // 2], order[len(order) // 2 :]
    model = _pooled(sides[0][trains], labels[trains].astype(np.uint8), sides[1][trains])
    scores = sides[0][judges] @ model.own + sides[1][judges] @ model.theirs

    def logistic(rows: NDArray[np.float64]) -> float:
        made = LogisticRegression(max_iter=5000).fit(rows[trains], labels[trains])
        return float(roc_auc_score(labels[judges], made.decision_function(rows[judges])))

    joint, pooled = float(roc_auc_score(labels[judges], scores)), logistic(np.hstack(plain))
    return {
        "data": path.name,
        "joint": round(joint, 4),
        "pooled_logistic": round(pooled, 4),
        "ratio": round(joint / pooled, 4),
        "own_columns_alone": round(logistic(plain[0]), 4),
    }


def _read(path: Path) -> pa.Table:
    if path.suffix == ".parquet":
        return pq.read_table(path)
    with path.open() as file:
        line = file.readline()
    mark = max(",;\t", key=line.count)
    return pyarrow.csv.read_csv(path, parse_options=pyarrow.csv.ParseOptions(delimiter=mark))


def _standard(column: Any) -> NDArray[np.float64]:
    """Return a column as a pooled model sees it: standardised, or a column for each category."""
    if pa.types.is_integer(column.type) or pa.types.is_floating(column.type):
        values = np.nan_to_num(column.to_numpy(zero_copy_only=False).astype(np.float64))
        return np.asarray(((values - values.mean()) / (values.std() + 1e-9))[:, None])
    words = np.array([str(v) for v in column.to_pylist()])
    return (words[:, None] == np.unique(words)).astype(np.float64)


def main(words: list[str]) -> None:
    """Run what is asked for and print the figures."""
    match words:
        case ["speed", *rest]:
            found = speed(int(rest[0]) if rest else PEOPLE)
        case ["accuracy", path, label, value, *rest]:
            found = accuracy(Path(path), label, value, [w for w in rest if w != "--without"])
        case _:
            sys.exit(__doc__)
    print(json.dumps(found, indent=2))


if __name__ == "__main__":
    main(sys.argv[1:])
