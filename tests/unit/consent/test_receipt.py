"""Receipts: what a person holds, and every way in which one can lie."""

import base64
import dataclasses
import json
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ed25519

from consent.canonical import canonical_bytes
from consent.defaults import DEFAULT_VOCABULARY
from consent.errors import BadSignature, LedgerInconsistent, MalformedRecord, UnknownPurpose
from consent.jws import from_jwk, key_thumbprint, public_of, to_jwk
from consent.ledger import parse_leaf
from consent.notice import Notice
from consent.receipt import (
    SignedReceipt,
    make_receipt,
    parse_receipt,
    sign_receipt,
    verify_receipt,
)
from consent.receipt_claims import Controller
from consent.recipients import Recipient
from consent.words import SELF, Role
from tests.support.consents import NOON, SmallLedger, event

SEED = b"\x08" * 32
PUBLIC = ed25519.Ed25519PrivateKey.from_private_bytes(SEED).public_key().public_bytes_raw()
CONTROLLER = Controller(
    piiController="Brand", contact="Privacy desk", address="1 Road", email="p@b.example", phone="1"
)
NOTICE = b"\x0c" * 32
VOCABULARY = dataclasses.replace(
    DEFAULT_VOCABULARY,
    purposes=tuple(
        dataclasses.replace(
            purpose, pii_types=("email-address", "purchase-history"), sensitive=("health",),
            retention="P2Y", storage=("DE", "FR"), validity="P1Y",
        )
        for purpose in DEFAULT_VOCABULARY.purposes
    ),
    recipients=(
        Recipient(
            recipient_id="publisher", name="The Publisher", role=Role.JOINT_CONTROLLER,
            country="FR", contact="dpo@publisher.example",
        ),
    ),
    notices=(
        Notice(
            notice_hash=NOTICE, notice_id="joint", version=3, language="de",
            purposes=("joint-audience",), recipients=("publisher",),
            withdrawal_method="the link in every message", rights_url="https://b.example/rights",
            policy_url="https://b.example/privacy",
        ),
    ),
)  # fmt: skip
LEDGER = SmallLedger()
EVENT = event(subject_seq=1, valid_until_ms=NOON + 1, notice_hash=NOTICE)
PLAIN = event(recipient=SELF)
for _record in (event(), EVENT, PLAIN):
    LEDGER.append(_record)
SEALED = LEDGER.sealed[1]


def claims(index: int = 1) -> dict[str, Any]:
    receipt = make_receipt(
        EVENT if index == 1 else PLAIN,
        receipt_id=parse_leaf(LEDGER.sealed[index].leaf).entry_id,
        controller=CONTROLLER,
        vocabulary=VOCABULARY,
        leaf=LEDGER.sealed[index].leaf,
        salt=LEDGER.sealed[index].salt,
        issued_at_ms=NOON,
    )
    return receipt.to_payload()


def signed(content: dict[str, Any], index: int = 1) -> SignedReceipt:
    return sign_receipt(content, seed=SEED, proof=LEDGER.proof(index).encode())


def test_a_receipt_says_what_its_event_says() -> None:
    verified = verify_receipt(signed(claims()), public=PUBLIC, policy=LEDGER.policy())
    assert (verified.event, verified.index, verified.checkpoint.size) == (EVENT, 1, 3)
    assert verified.claims.consentTimestamp == NOON // 1000
    assert verified.claims.to_payload() == claims()


def test_a_receipt_describes_purpose_recipient_and_notice() -> None:
    content = claims()
    (purpose,) = content["services"][0]["purposes"]
    assert purpose == {
        "purpose": "joint-audience", "purposeVersion": 1,
        "purposeCategory": ["https://w3id.org/dpv#TargetedAdvertising"],
        "consentType": "expressed", "piiCategory": ["email-address", "purchase-history"],
        "primaryPurpose": False, "termination": "2027-01-15T08:00:00.001Z",
        "thirdPartyDisclosure": True, "thirdPartyName": "publisher",
        "thirdPartyTitle": "The Publisher", "thirdPartyRole": "joint-controller",
        "thirdPartyCountry": "FR", "thirdPartyContact": "dpo@publisher.example",
        "lawfulBasis": "consent", "validityDuration": "P1Y", "retentionPeriod": "P2Y",
        "storageLocations": ["DE", "FR"],
    }  # fmt: skip
    said = ("language", "policyUrl", "withdrawalMethod", "privacyRights", "sensitive", "spiCat")
    assert [content[name] for name in said] == [
        "de", "https://b.example/privacy", "the link in every message", "https://b.example/rights",
        True, ["health"],
    ]  # fmt: skip
    assert content["policy_hash"] == VOCABULARY.digest().hex()


def test_a_receipt_without_a_notice_and_for_the_controller_alone() -> None:
    content = claims(2)
    (purpose,) = content["services"][0]["purposes"]
    assert (purpose["thirdPartyDisclosure"], purpose["thirdPartyName"]) == (False, "")
    assert not {"thirdPartyRole", "thirdPartyTitle", "thirdPartyCountry"} & set(purpose)
    assert (content["policyUrl"], content["language"]) == ("", "en")
    assert not {"withdrawalMethod", "privacyRights"} & set(content)
    verified = verify_receipt(signed(content, 2), public=PUBLIC, policy=LEDGER.policy())
    assert verified.event == PLAIN


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
        {"sensitive": False},
        {"piiControllers": []},
        {"jurisdiction": "US"},
        {"consentReceiptID": parse_leaf(LEDGER.sealed[0].leaf).entry_id},
        {"consentTimestamp": 1},
        {"collectionMethod": "phone"},
        {"piiPrincipalId": "0" * 32},
        {"services": []},
        {"event": event(subject_seq=2).to_payload()},
        {"salt": "00" * 32},
        {"leaf": LEDGER.sealed[0].leaf.decode()},
    ],
)
def test_a_receipt_that_its_keeper_signed_and_that_lies_is_refused(lie: dict[str, Any]) -> None:
    with pytest.raises(LedgerInconsistent):
        verify_receipt(signed(claims() | lie), public=PUBLIC, policy=LEDGER.policy())


@pytest.mark.parametrize(
    "lie",
    [
        {"thirdPartyName": "nobody"},
        {"thirdPartyDisclosure": False},
        {"purpose": "audience-measurement"},
        {"purposeVersion": 2},
        {"consentType": "implied"},
        {"termination": ""},
    ],
)
def test_a_lie_about_purpose_or_recipient_is_refused(lie: dict[str, Any]) -> None:
    content = claims()
    content["services"][0]["purposes"][0] |= lie
    with pytest.raises(LedgerInconsistent):
        verify_receipt(signed(content), public=PUBLIC, policy=LEDGER.policy())


def test_the_proof_of_another_entry_is_refused() -> None:
    with pytest.raises(LedgerInconsistent):
        verify_receipt(signed(claims(), index=2), public=PUBLIC, policy=LEDGER.policy())


def test_a_receipt_has_one_form_and_no_other_fields() -> None:
    without = {k: v for k, v in claims().items() if k != "policyUrl"}
    first = claims() | {"schema_version": "accord/consent-receipt/1"}
    nulled = claims() | {"privacyRights": None}
    for content in (claims() | {"colour": "red"}, without, first, nulled, {"a": 1}):
        with pytest.raises(MalformedRecord):
            verify_receipt(signed(content), public=PUBLIC, policy=LEDGER.policy())


def test_a_receipt_is_not_made_for_another_entry_or_an_unknown_purpose() -> None:
    values: dict[str, Any] = {
        "receipt_id": "r", "controller": CONTROLLER, "salt": SEALED.salt, "issued_at_ms": NOON,
    }  # fmt: skip
    with pytest.raises(LedgerInconsistent):
        make_receipt(EVENT, vocabulary=VOCABULARY, leaf=LEDGER.sealed[0].leaf, **values)
    without = dataclasses.replace(DEFAULT_VOCABULARY, purposes=())
    with pytest.raises(UnknownPurpose):
        make_receipt(EVENT, vocabulary=without, leaf=SEALED.leaf, **values)


def test_the_key_is_handed_out_as_a_jwk() -> None:
    assert public_of(SEED) == PUBLIC
    jwk = to_jwk(PUBLIC)
    assert from_jwk(json.dumps(jwk).encode()) == PUBLIC
    # RFC 8037, appendix A.2: a key by others, with other members.
    rfc = {"kty": "OKP", "crv": "Ed25519", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}
    assert to_jwk(from_jwk(json.dumps(rfc | {"ext": True}).encode()))["x"] == rfc["x"]


@pytest.mark.parametrize(
    "change",
    [
        {"kty": "EC"}, {"crv": "X25519"}, {"x": "AAAA"}, {"x": 1}, {"kid": "another"},
        {"d": "nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A"}, {"x": "="},
    ],
)  # fmt: skip
def test_what_is_no_public_key_is_refused(change: dict[str, Any]) -> None:
    with pytest.raises(MalformedRecord):
        from_jwk(json.dumps(to_jwk(PUBLIC) | change).encode())


@pytest.mark.parametrize(
    "bad", [{}, {"receipt": "a"}, {"receipt": "a", "proof": 1}, {"a": "b", "c": "d"}]
)
def test_what_is_no_receipt_file_is_refused(bad: dict[str, Any]) -> None:
    with pytest.raises(MalformedRecord):
        parse_receipt(canonical_bytes(bad))
