"""Pinned runs of the blinded join and pinned layouts of the compositions, each computed a second
time from the page that specifies it.
"""

import hashlib
import json
import struct

import cbor2
import pytest
from nacl.bindings import crypto_scalarmult

from tests.support.alignment_vectors import JOINS, SUMS, joins, sums
from tests.support.backends import BACKENDS
from tests.vectors.test_psi_dh_vectors import h, joined, messages, order


@pytest.mark.parametrize("backend", BACKENDS)
def test_runs_give_the_pinned_messages(backend):
    assert joins(backend) == json.loads(JOINS.read_text())


def test_compositions_give_the_pinned_layouts():
    assert sums() == json.loads(SUMS.read_text())


def test_the_join_follows_from_the_specification():
    for run in json.loads(JOINS.read_text())["runs"]:
        run["strict"] = True
        b, a = bytes.fromhex(run["brand_scalar"]), bytes.fromhex(run["partner_scalar"])
        mine = [h(run, digest) for digest in run["brand_items"]]
        theirs = [h(run, digest) for digest in run["partner_items"]]
        t, width, sizes = run["tag_bytes"], run["per_person"], run["sizes"]
        said, answered = messages(run, "brand"), messages(run, "partner")

        params = [run["max_items"], run["chunk_items"], t, True, len(sizes), 0, width, 0]
        for role, opening, rows in (
            ("initiator", said[0], sizes),
            ("responder", answered[0], [len(theirs) // width]),
        ):
            proof = b"accord/join-blinded-opening/1\x00" + role.encode() + bytes.fromhex(run["ctx"])
            encoded = cbor2.dumps(["join-blinded-params/1", *params], canonical=True)
            check = hashlib.sha256(proof + encoded).digest()
            assert opening == ["join-blinded-opening/1", check, rows]
        assert said[-1] == ["psi-dh-done/1"]

        blinded = joined(said, "psi-dh-blinded/1", 32)
        assert blinded == [crypto_scalarmult(b, point) for point in mine]
        rows = joined(answered, "psi-dh-blinded/1", 32)
        assert rows == [crypto_scalarmult(a, point) for point in theirs]

        tags = [crypto_scalarmult(a, point)[:t] for point in blinded]
        expected, first = [], 0
        for size, seed in zip(sizes, run["shuffle_seeds"], strict=True):
            group = tags[first : first + size * width]
            expected += [group[i] for i in order(seed, len(group), width)]
            first += len(group)
        assert joined(answered, "psi-dh-evaluated/1", t) == expected

        group_of = {}
        ends = [sum(sizes[: g + 1]) * width for g in range(len(sizes))]
        for i, digest in enumerate(run["brand_items"]):
            group_of[digest] = 1 + next(g for g, end in enumerate(ends) if i < end)
        found = []
        for at in range(0, len(theirs), width):
            met = {group_of.get(d, 0) for d in run["partner_items"][at : at + width]} - {0}
            assert len(met) <= 1  # these cases leave no choice
            found.append(met.pop() if met else 0)
        assert run["groups"] == found
        assert run["matched"] == [found.count(g + 1) for g in range(len(sizes))]


def test_parts_of_a_run_are_bound_as_specified():
    for case in json.loads(SUMS.read_text())["contexts"]:
        params, ctx = bytes.fromhex(case["params"]), bytes.fromhex(case["ctx"])
        assert cbor2.dumps(cbor2.loads(params), canonical=True) == params
        for number, part in enumerate(case["parts"], 1):
            bound = b"accord/in-a-row/1\x00" + ctx + bytes([number]) + params
            assert hashlib.sha256(bound).hexdigest() == part


def words(data: str, kind: str = "i") -> list[int]:
    raw = bytes.fromhex(data)
    return list(struct.unpack(f"<{len(raw) // struct.calcsize(kind)}{kind}", raw))


def test_a_hold_out_follows_from_the_coins():
    case = json.loads(SUMS.read_text())["hold_out"]
    expected = []
    for group, coin in zip(case["groups"], words(case["coins"], "I"), strict=True):
        held = coin < 2**32 * case["hold_out_percent"] // 100
        row = [0] * 4
        if group:
            row[group - 1 + 2 * held] = 1
        expected += row
    assert words(case["vector"]) == expected
    assert sum(expected[2::4]) + sum(expected[3::4]) == 2


def clipped(value: int) -> int:
    return max(0, min(6, value))


def test_values_over_labels_lie_as_specified():
    case = json.loads(SUMS.read_text())["labelled"]
    matched, labels = words(case["brand_matched"], "I"), words(case["brand_labels"], "I")
    values = words(case["brand_own-values_00000"])
    rows = [[0, 0] for _ in range(18)]
    for position, row in zip(matched, labels, strict=True):
        rows[row] = [clipped(v) for v in values[2 * position :][:2]]
    assert (matched, labels) == ([3, 4, 5], [0, 1, 2])
    data = case["brand_vector_00000"] + case["brand_vector_00001"]
    assert words(data) == [entry for row in rows for entry in row]
    assert len(bytes.fromhex(case["brand_vector_00000"])) == 16 * 2 * 4


def test_values_and_columns_over_the_union_lie_as_specified():
    case = json.loads(SUMS.read_text())["union"]
    at = words(case["brand_index"], "I"), words(case["partner_index"], "I")
    assert at[0][3:] == at[1][:3]
    rows = 6 + 9 + 2 * 5
    values = words(case["brand_own-values_00000"])
    laid = [[0, 0] for _ in range(rows)]
    for i, row in enumerate(at[0]):
        laid[row] = [clipped(v) for v in values[2 * i :][:2]]
    data = case["brand_vector_00000"] + case["brand_vector_00001"]
    assert words(data) == [entry for row in laid for entry in row]

    own = bytes.fromhex(case["partner_own-columns_00000"])
    dense, codes = own[: 9 * 8], own[9 * 8 :]
    empty = bytes(8), b"\xff" * 4
    chunks = [[empty] * 16, [empty] * (rows - 16)]
    for i, row in enumerate(at[1]):
        chunks[row // 16][row % 16] = dense[8 * i :][:8], codes[4 * i :][:4]
    for i, chunk in enumerate(chunks):
        expected = b"".join(row[0] for row in chunk) + b"".join(row[1] for row in chunk)
        assert bytes.fromhex(case[f"partner_columns_0000{i}"]) == expected
