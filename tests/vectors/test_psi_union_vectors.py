"""Pinned runs of the union index, and a second implementation of it of one page."""

import hashlib
import json
from collections import Counter

import cbor2
import pytest
from nacl.bindings import crypto_scalarmult

from tests.support.backends import BACKENDS
from tests.support.union_vectors import FILE, computed
from tests.vectors.test_psi_dh_vectors import h, joined, messages, order


@pytest.mark.parametrize("backend", BACKENDS)
def test_runs_give_the_pinned_messages(backend):
    assert computed(backend) == json.loads(FILE.read_text())


def through(point: bytes, *scalars: bytes) -> bytes:
    for scalar in scalars:
        point = crypto_scalarmult(scalar, point)
    return point


def mixed(items: list[str], others: list[str], seed: str) -> list[str]:
    total = len(items) + len(others)
    at = dict(zip(order(seed, total, 1)[: len(others)], others, strict=True))
    rest = iter(items)
    return [at[i] if i in at else next(rest) for i in range(total)]


def test_the_vectors_follow_from_the_specification():
    for run in json.loads(FILE.read_text())["runs"]:
        run["strict"] = True
        n, t, ctx = run["dummies"], run["tag_bytes"], bytes.fromhex(run["ctx"])
        said, answered = messages(run, "initiator"), messages(run, "responder")
        a, s = (bytes.fromhex(drawn) for drawn in run["initiator_draws"][:2])
        b, u = (bytes.fromhex(drawn) for drawn in run["responder_draws"][:2])
        coins, strangers, placing = run["responder_draws"][2:5]

        params = ["psi-union-params/1", run["max_items"], run["chunk_items"], t, n]
        for role, opening in (("initiator", said[0]), ("responder", answered[0])):
            proof = b"accord/psi-union-opening/1\x00" + role.encode() + ctx
            check = hashlib.sha256(proof + cbor2.dumps(params, canonical=True)).digest()
            assert opening == ["psi-union-opening/1", check, len(run[f"{role}_items"])]

        label = b"accord/psi-union-dummy/1\x00" + ctx
        dummies = [hashlib.sha256(label + i.to_bytes(4, "big")).hexdigest() for i in range(n)]
        heads = [bytes.fromhex(coins)[i // 8] >> (7 - i % 8) & 1 for i in range(n)]
        tossed = [d if heads[i] else strangers[64 * i :][:64] for i, d in enumerate(dummies)]
        mine = mixed(run["initiator_items"], dummies, run["initiator_draws"][2])
        theirs = mixed(run["responder_items"], tossed, placing)

        assert joined(said, "psi-union-blinded/1", 32) == [through(h(run, d), a) for d in mine]
        assert joined(said, "psi-union-evaluated/1", 32) == [
            through(h(run, d), b, a, s) for d in theirs
        ]
        assert joined(answered, "psi-union-blinded/1", 32) == [
            through(h(run, d), b) for d in theirs
        ]
        assert joined(answered, "psi-union-evaluated/1", 32) == [
            through(h(run, d), a, b, u) for d in mine
        ]
        shuffled = joined(answered, "psi-union-shuffled/1", 32)
        assert Counter(shuffled) == Counter(through(h(run, d), a, b) for d in mine)

        rest = joined(said, "psi-union-rest/1", 32)
        alone = [through(h(run, d), a, b, s) for d in mine if d not in theirs]
        assert len(rest) == len(mine)
        assert len(set(rest) & set(alone)) == len(alone)
        own_rows = [through(h(run, d), b, a, s, u)[:t] for d in theirs]
        rows = sorted(own_rows + [through(point, u)[:t] for point in rest])
        assert joined(answered, "psi-union-rows/1", t) == rows
        assert len(rows) == len(mine) + len(theirs)
        for role in ("initiator", "responder"):
            assert run[f"{role}_index"] == [
                rows.index(through(h(run, d), a, b, s, u)[:t]) for d in run[f"{role}_items"]
            ]
        assert said[-1] == ["psi-union-done/1"]
