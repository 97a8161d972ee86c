"""Hostile receipts and keys: for any bytes there is a report that fails, and nothing else."""

import base64
import functools
import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from consent.audit import Check, Outcome
from consent.canonical import canonical_bytes
from consent.errors import MalformedRecord
from consent.jws import from_jwk, public_of
from party_node.evidence.receipt_audit import audit_receipt
from party_node.evidence.verifier import line
from tests.support.receipts import SEED, Held, held

QUICK, LONG = settings(max_examples=150), settings(max_examples=3000)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=8,
)
got = functools.cache(held)


def failed(data: bytes) -> list[Check]:
    """Audit; require that it fails in words that can be printed."""
    checks = audit_receipt(data, public_of(SEED), got().ledger.policy())
    assert all(line(c).isprintable() for c in checks)
    assert [c.outcome for c in checks] == [Outcome.FAILED]
    assert checks[0].detail
    return checks


@QUICK
@given(st.binary(max_size=300) | JSON.map(lambda v: json.dumps(v).encode()))
def test_any_bytes_fail(data: bytes) -> None:
    failed(data)


def mutated(data: st.DataObject) -> None:
    whole = got().receipt.encode()
    at = data.draw(st.integers(0, len(whole)))
    gone, put = data.draw(st.integers(0, 40)), data.draw(st.binary(max_size=40))
    changed = whole[:at] + put + whole[at + gone :]
    if changed != whole:
        failed(changed)


@QUICK
@given(st.data())
def test_a_mutated_receipt_fails(data: st.DataObject) -> None:
    mutated(data)


@pytest.mark.slow
@LONG
@given(st.data())
def test_many_mutated_receipts_fail(data: st.DataObject) -> None:
    mutated(data)


def any_claim(held: Held) -> st.SearchStrategy[dict[str, Any]]:
    names = st.sampled_from(sorted(held.claims))
    return st.dictionaries(names, JSON, min_size=1, max_size=2)


@QUICK
@given(st.deferred(lambda: any_claim(got())))
def test_whatever_its_keeper_signs_makes_a_report(changes: dict[str, Any]) -> None:
    """The signature holds: what is behind it may still be anything."""
    try:
        receipt = got().signed_again(**changes)
    except MalformedRecord:
        return  # it has no canonical form, so nobody can sign it
    checks = audit_receipt(receipt.encode(), public_of(SEED), got().ledger.policy())
    assert all(line(c).isprintable() for c in checks)


@QUICK
@given(st.text(max_size=200), st.text(max_size=200))
def test_any_texts_in_the_right_places_fail(jws: str, proof: str) -> None:
    try:
        data = canonical_bytes({"proof": proof, "receipt": jws})
    except MalformedRecord:
        return
    failed(data)


@pytest.mark.parametrize("alg", ["none", "HS256", "ES256"])
def test_a_receipt_cannot_choose_how_it_is_checked(alg: str) -> None:
    _, body, signature = got().receipt.jws.split(".")
    header = json.dumps({"alg": alg, "typ": "consent-receipt+jws"}).encode()
    head = base64.urlsafe_b64encode(header).rstrip(b"=").decode()
    for end in ("", signature):
        jws = f"{head}.{body}.{end}"
        failed(canonical_bytes({"proof": got().receipt.proof, "receipt": jws}))


@QUICK
@given(st.binary(max_size=200) | JSON.map(lambda v: json.dumps(v).encode()))
def test_any_bytes_are_no_key(data: bytes) -> None:
    with pytest.raises(MalformedRecord):
        from_jwk(data)
