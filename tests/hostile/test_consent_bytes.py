"""Every parser of consent/: for any input it returns or raises ConsentError, and nothing else."""

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from consent.bundle import make_bundle, verify_bundle
from consent.bundle_files import ENTRY_KINDS as ENTRY_FILES
from consent.canonical import parse_canonical, parse_object
from consent.checkpoint import checkpoint_of, open_checkpoint, with_cosignatures
from consent.errors import ConsentError
from consent.instants import from_text
from consent.ledger import Leaf, open_entry, open_payload, parse_leaf
from consent.merkle import verify_consistency, verify_inclusion
from consent.note import KeyType, Note, Signature, Verifier, parse_note, parse_vkey, verify_note
from consent.policy import parse_policy
from consent.proof import parse_proof, verify_proof
from consent.receipt import SignedReceipt, parse_receipt, sign_receipt, verify_receipt
from consent.records import ENTRY_KINDS, payload_bytes
from consent.witness import add_checkpoint_request, consider, parse_add_checkpoint
from tests.support.consents import SmallLedger, event
from tests.support.depth import examples

LEDGER = SmallLedger()
for _ in range(5):
    LEDGER.append(event())
SEALED, NOTE = LEDGER.sealed[2], LEDGER.checkpoint()
POLICY, LOG = LEDGER.policy(), LEDGER.log.verifier
RECEIPT = sign_receipt({"a": 1}, seed=b"\x01" * 32, proof=LEDGER.proof(2).encode())
BUNDLE = make_bundle([], checkpoint=NOTE, policy=LEDGER.policy_text())

SEEDS = [
    b"",
    SEALED.leaf,
    payload_bytes(event()),
    NOTE.encode(),
    LEDGER.proof(2).encode().encode(),
    LEDGER.policy_text().encode(),
    LOG.vkey.encode(),
    RECEIPT.encode(),
    RECEIPT.jws.encode(),
    add_checkpoint_request(2, LEDGER.tree.consistency_proof(2, 5), NOTE).encode(),
    b"2027-01-15T08:00:00.000Z",
    b'{"a":[[[[1]]],{"b":null}]}',
]


@st.composite
def spoiled(draw: st.DrawFn) -> bytes:
    """Bytes that are nearly something: cut, doubled, with bytes changed or swapped in."""
    data = bytearray(draw(st.sampled_from(SEEDS)))
    for _ in range(draw(st.integers(0, 4))):
        position = draw(st.integers(0, len(data)))
        match draw(st.sampled_from(["insert", "change", "cut", "drop", "double"])):
            case "insert":
                data[position:position] = draw(
                    st.binary(max_size=4)
                    | st.sampled_from([b"\n", b"\n\n", b'"', b"\xe2\x80\x94 ", b"\\ud800"])
                )
            case "change" if position < len(data):
                data[position] = draw(st.integers(0, 255))
            case "cut":
                del data[position:]
            case "drop":
                del data[position : position + draw(st.integers(1, 40))]
            case _:
                data += data[position : position + 200]
    return bytes(data)


def outcome(parse: Callable[[Any], Any], data: Any) -> Any:
    """Return what `parse` returns, or the code of its refusal; any other error passes through."""
    try:
        return parse(data)
    except ConsentError as refused:
        return refused.code


anything = st.binary(max_size=200) | spoiled()
PARSERS: list[Callable[[bytes], Any]] = [
    parse_canonical,
    parse_object,
    parse_leaf,
    parse_note,
    checkpoint_of,
    parse_policy,
    parse_proof,
    parse_add_checkpoint,
    parse_receipt,
    lambda d: parse_vkey(d.decode("utf-8", "surrogateescape")),
    lambda d: parse_note(d.decode("utf-8", "surrogateescape")),
    lambda d: parse_policy(d.decode("utf-8", "surrogateescape")),
    lambda d: parse_proof(d.decode("utf-8", "surrogateescape")),
    lambda d: from_text(d.decode("utf-8", "surrogateescape")),
    lambda d: with_cosignatures(NOTE, d.decode("utf-8", "surrogateescape")),
    lambda d: open_checkpoint(d, LOG, [w.verifier for w in LEDGER.witnesses.values()], 1),
    lambda d: POLICY.open(d),
    lambda d: parse_policy(d).open(NOTE),
    lambda d: verify_note(parse_note(d), [LOG]),
    lambda d: verify_proof(parse_proof(d), SEALED.leaf_hash, POLICY),
    lambda d: consider(None, parse_add_checkpoint(d), [LOG]),
    lambda d: open_payload(d, salt=SEALED.salt, payload=payload_bytes(event())),
    lambda d: open_payload(SEALED.leaf, salt=d, payload=d),
    lambda d: open_entry(
        SEALED.leaf, salt=d, nonce=d[:12], ciphertext=d, keys=LEDGER.keys, controller="brand"
    ),
    lambda d: open_entry(
        d, salt=SEALED.salt, nonce=d, ciphertext=d, keys=LEDGER.keys, controller="brand"
    ),
    lambda d: verify_receipt(parse_receipt(d), public=LOG.public, policy=POLICY),
    lambda d: verify_receipt(
        SignedReceipt(d.decode("utf-8", "surrogateescape"), ""), public=LOG.public, policy=POLICY
    ),
    *(lambda d, k=kind: k.from_payload(parse_canonical(d)) for kind in (*ENTRY_KINDS, Leaf)),
]


@pytest.mark.parametrize("parse", PARSERS, ids=[f"parser-{i}" for i in range(len(PARSERS))])
@settings(max_examples=examples(15))
@given(anything)
def test_bytes_are_read_or_refused(parse: Callable[[bytes], Any], data: bytes) -> None:
    result = outcome(parse, data)
    assert outcome(parse, data) == result


json_like = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3)
    ),
    max_leaves=8,
)


@settings(max_examples=examples(38))
@given(st.sampled_from([*ENTRY_KINDS, Leaf]), st.data())
def test_payloads_are_read_or_refused(kind: Any, data: st.DataObject) -> None:
    payload: Any = data.draw(json_like)
    if data.draw(st.booleans()):
        base = event().to_payload()
        key = data.draw(st.sampled_from(sorted(base)))
        kind, payload = type(event()), base | {key: payload}
    record = outcome(kind.from_payload, payload)
    assert record == "malformed-record" or kind.from_payload(record.to_payload()) == record


@settings(max_examples=examples(38))
@given(
    st.text(max_size=40),
    st.text(max_size=8),
    st.binary(max_size=80),
    st.sampled_from(list(KeyType)),
)
def test_notes_that_were_built_by_hand_are_verified_or_refused(
    text: str, name: str, blob: bytes, kind: KeyType
) -> None:
    size = 1312 if kind is KeyType.MLDSA44_COSIGNATURE else 32

    def check(public: bytes) -> object:
        verifier = Verifier(name, kind, public)
        note = Note(text, (Signature(name, verifier.key_id, blob),))
        return verify_note(note, [verifier])

    assert outcome(check, blob[:size].ljust(size, b"\x01")) in ("bad-signature", "malformed-record")


numbers = st.integers(-3, 20) | st.integers()
hashes = st.lists(st.binary(min_size=32, max_size=32) | st.binary(max_size=33), max_size=70)


@given(numbers, numbers, hashes, st.binary(min_size=32, max_size=32))
def test_proofs_of_nothing_are_refused(
    index: int, size: int, proof: list[bytes], root: bytes
) -> None:
    with pytest.raises(ConsentError):
        verify_inclusion(b"\x00" * 32, index, size, proof, root)
    if index != size or proof:
        with pytest.raises(ConsentError):
            verify_consistency(index, size, proof, b"\x00" * 32, root)


names = st.sampled_from(
    [
        *("README.txt", "checkpoint", "policy.txt", "notices/" + "0" * 64, "../x", ""),
        *(f"entries/0.{kind}" for kind in ENTRY_FILES),
        "entries/01.leaf",
    ]
)


@settings(max_examples=examples(20))
@given(st.dictionaries(names, anything, max_size=8), st.booleans())
def test_a_bundle_of_anything_gets_a_report(files: dict[str, bytes], own: bool) -> None:
    report = verify_bundle(BUNDLE | files, POLICY if own else None)
    assert report.checks
    assert isinstance(report.text(), str)
