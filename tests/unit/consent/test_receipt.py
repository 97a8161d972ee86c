"""Receipts: what a person holds, and every way in which one can lie."""

import base64
import json
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ed25519

from consent.canonical import canonical_bytes
from consent.defaults import DEFAULT_VOCABULARY
from consent.errors import BadSignature, LedgerInconsistent, MalformedRecord
from consent.receipt import (
    Controller,
    SignedReceipt,
    key_thumbprint,
    parse_receipt,
    receipt_claims,
    sign_receipt,
    verify_receipt,
)
from tests.support.consents import NOON, SmallLedger, event

SEED = b"\x08" * 32
PUBLIC = ed25519.Ed25519PrivateKey.from_private_bytes(SEED).public_key().public_bytes_raw()
CONTROLLER = Controller(
    piiController="Brand", contact="Privacy desk", address="1 Road", email="p@b.example", phone="1"
)
PURPOSE = DEFAULT_VOCABULARY.find("joint-audience")
LEDGER = SmallLedger()
EVENT = event(subject_seq=1, valid_until_ms=NOON + 1)
for _record in (event(), EVENT, event()):
    LEDGER.append(_record)
SEALED = LEDGER.sealed[1]


def claims() -> dict[str, Any]:
    return receipt_claims(
        EVENT,
        receipt_id="r-1",
        controller=CONTROLLER,
        purpose=PURPOSE,
        leaf=SEALED.leaf,
        salt=SEALED.salt,
        issued_at_ms=NOON,
        policy_url="https://brand.example/privacy",
    )


def signed(content: dict[str, Any], index: int = 1) -> SignedReceipt:
    return sign_receipt(content, seed=SEED, proof=LEDGER.proof(index).encode())


def test_a_receipt_says_what_its_event_says() -> None:
    verified = verify_receipt(signed(claims()), public=PUBLIC, policy=LEDGER.policy())
    assert (verified.event, verified.index, verified.checkpoint.size) == (EVENT, 1, 3)
    assert verified.claims["consentTimestamp"] == NOON // 1000
    purpose = claims()["services"][0]["purposes"][0]
    assert purpose["thirdPartyName"] == "publisher"
    assert purpose["termination"] == "2027-01-15T08:00:00.001Z"


def test_a_receipt_has_the_names_of_kantara() -> None:
    kantara = {
        "version", "jurisdiction", "consentTimestamp", "collectionMethod", "consentReceiptID",
        "language", "piiPrincipalId", "piiControllers", "policyUrl", "services", "sensitive",
        "spiCat",
    }  # fmt: skip
    assert kantara <= set(claims())


def test_a_receipt_is_read_as_it_was_written() -> None:
    receipt = signed(claims())
    assert parse_receipt(receipt.encode()) == receipt


def test_the_signature_is_a_jws_that_others_can_check() -> None:
    head, body, signature = (
        base64.urlsafe_b64decode(p + "==") for p in signed(claims()).jws.split(".")
    )
    header = json.loads(head)
    assert (header["alg"], header["kid"]) == ("EdDSA", key_thumbprint(PUBLIC))
    assert json.loads(body) == claims()
    ed25519.Ed25519PublicKey.from_public_bytes(PUBLIC).verify(
        signature, signed(claims()).jws.rpartition(".")[0].encode()
    )


def test_the_thumbprint_is_that_of_rfc_8037() -> None:
    x = base64.urlsafe_b64decode("11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo=")
    assert key_thumbprint(x) == "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k"


def test_a_receipt_of_another_key_is_refused() -> None:
    other = sign_receipt(claims(), seed=b"\x09" * 32, proof="")
    with pytest.raises(BadSignature):
        verify_receipt(other, public=PUBLIC, policy=LEDGER.policy())


def test_a_receipt_without_signature_is_refused() -> None:
    none = base64.urlsafe_b64encode(b'{"alg":"none"}').rstrip(b"=").decode()
    body = signed(claims()).jws.split(".")[1]
    for jws in (f"{none}.{body}.", f"{none}.{body}", body):
        with pytest.raises((BadSignature, MalformedRecord)):
            verify_receipt(SignedReceipt(jws, ""), public=PUBLIC, policy=LEDGER.policy())


def test_a_changed_signature_is_refused() -> None:
    receipt = signed(claims())
    head, body, signature = receipt.jws.split(".")
    changed = ("A" if signature[0] != "A" else "B") + signature[1:]
    with pytest.raises(BadSignature):
        verify_receipt(
            SignedReceipt(f"{head}.{body}.{changed}", receipt.proof),
            public=PUBLIC,
            policy=LEDGER.policy(),
        )


@pytest.mark.parametrize(
    "lie",
    [
        {"jurisdiction": "US"},
        {"consentTimestamp": 1},
        {"collectionMethod": "phone"},
        {"piiPrincipalId": "0" * 32},
        {"services": []},
        {"services": [{"purposes": []}]},
        {"event": event(subject_seq=2).to_payload()},
        {"salt": "00" * 32},
        {"leaf": LEDGER.sealed[0].leaf.decode()},
    ],
)
def test_a_receipt_that_its_keeper_signed_and_that_lies_is_refused(lie: dict[str, Any]) -> None:
    with pytest.raises(LedgerInconsistent):
        verify_receipt(signed(claims() | lie), public=PUBLIC, policy=LEDGER.policy())


def test_a_lie_about_the_recipient_is_refused() -> None:
    content = claims()
    content["services"][0]["purposes"][0]["thirdPartyName"] = "nobody"
    with pytest.raises(LedgerInconsistent):
        verify_receipt(signed(content), public=PUBLIC, policy=LEDGER.policy())


def test_the_proof_of_another_entry_is_refused() -> None:
    with pytest.raises(LedgerInconsistent):
        verify_receipt(signed(claims(), index=2), public=PUBLIC, policy=LEDGER.policy())


def test_a_receipt_is_not_made_for_another_entry_or_purpose() -> None:
    values: dict[str, Any] = {
        "receipt_id": "r",
        "controller": CONTROLLER,
        "leaf": LEDGER.sealed[0].leaf,
        "salt": SEALED.salt,
        "issued_at_ms": NOON,
    }
    with pytest.raises(LedgerInconsistent):
        receipt_claims(EVENT, purpose=PURPOSE, **values)
    with pytest.raises(MalformedRecord):
        receipt_claims(EVENT, purpose=DEFAULT_VOCABULARY.find("audience-measurement"), **values)


@pytest.mark.parametrize(
    "bad", [{}, {"receipt": "a"}, {"receipt": "a", "proof": 1}, {"a": "b", "c": "d"}]
)
def test_what_is_no_receipt_file_is_refused(bad: dict[str, Any]) -> None:
    with pytest.raises(MalformedRecord):
        parse_receipt(canonical_bytes(bad))
