"""`accord-verify receipt`: an honest receipt passes, and whatever was changed in one is said."""

import dataclasses
import json
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner

from consent.checkpoint import LogSigner
from consent.receipt import SignedReceipt
from party_node.evidence.verifier import app
from tests.support.consents import SmallLedger, event
from tests.support.receipts import OTHER_SEED, Held, held, key_file

HELD, FAILED, USAGE = 0, 1, 2


def verify(*words: object) -> tuple[int, str, str]:
    done = CliRunner().invoke(app, [str(w) for w in words])
    assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
    return done.exit_code, done.stdout, done.stderr


@dataclasses.dataclass
class Desk:
    """An auditor's folder, with the right key and the right policy in it."""

    folder: Path
    got: Held
    key: Path
    policy: Path

    def check(self, data: SignedReceipt | bytes, *words: object) -> tuple[int, str]:
        path = self.folder / "1.receipt.json"
        path.write_bytes(data if isinstance(data, bytes) else data.encode())
        trusted = words or ("--key", self.key, "--policy", self.policy)
        code, out, _ = verify("receipt", path, *trusted)
        return code, out


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    got = held()
    policy = tmp_path / "policy.txt"
    policy.write_text(got.policy)
    return Desk(tmp_path, got, key_file(tmp_path), policy)


def test_an_honest_receipt_passes_and_it_says_what_it_does_not_show(desk: Desk) -> None:
    code, out = desk.check(desk.got.receipt)
    assert code == HELD
    assert out.splitlines() == [
        "PASSED receipt: signed by the key that you gave",
        "PASSED event: given for joint-audience, towards publisher; the leaf commits to just this",
        "PASSED log: entry 1 of accord.example/brand, under the checkpoint of size 3",
        "NOTED  now: what the person said since is not in a receipt: ask its keeper",
        "3 checks passed, 0 failed, 1 noted for you to compare",
    ]


def test_json_says_the_same(desk: Desk) -> None:
    words = ("--key", desk.key, "--policy", desk.policy, "--json")
    code, out = desk.check(desk.got.receipt, *words)
    told = json.loads(out)
    assert (code, told["passed"]) == (HELD, True)
    assert [c["what"] for c in told["checks"]] == ["receipt", "event", "log", "now"]
    code, out = desk.check(desk.got.signed_again(jurisdiction="US"), *words)
    told = json.loads(out)
    assert (code, told["passed"]) == (FAILED, False)
    assert [c["code"] for c in told["checks"] if not c["passed"]] == ["ledger-inconsistent"]


def cut_signature(got: Held) -> SignedReceipt:
    head, body, signature = got.receipt.jws.split(".")
    other = ("A" if signature[10] != "A" else "B") + signature[11:]
    return dataclasses.replace(got.receipt, jws=f"{head}.{body}.{signature[:10]}{other}")


def changed_proof(got: Held) -> SignedReceipt:
    lines = got.receipt.proof.split("\n")
    lines[2] = ("A" if lines[2][0] != "A" else "B") + lines[2][1:]
    return dataclasses.replace(got.receipt, proof="\n".join(lines))


def uncosigned(got: Held) -> SignedReceipt:
    note = got.ledger.checkpoint(cosigned_by=["coordinator"])
    return dataclasses.replace(got.receipt, proof=got.ledger.proof(1, note).encode())


TAMPERED: dict[str, tuple[Callable[[Held], SignedReceipt], str]] = {
    "signature": (cut_signature, "signature is wrong"),
    "no signature": (
        lambda g: dataclasses.replace(g.receipt, jws=g.receipt.jws.rpartition(".")[0] + "."),
        "signature is wrong",
    ),
    "claims under the old signature": (
        lambda g: g.with_body(lambda c: c.update(jurisdiction="US")),
        "signature is wrong",
    ),
    "another key": (lambda g: g.signed_again(OTHER_SEED), "signed by another key"),
    "event": (
        lambda g: g.signed_again(event=event(subject_seq=2).to_payload()),
        "not the one that the leaf commits to",
    ),
    "leaf": (
        lambda g: g.signed_again(leaf=g.ledger.sealed[2].leaf.decode()),
        "not the one that the leaf commits to",
    ),
    "salt": (lambda g: g.signed_again(salt="00" * 32), "not the one that the leaf commits to"),
    "readable names": (lambda g: g.signed_again(piiPrincipalId="0" * 32), "something else than"),
    "receipt id": (
        lambda g: g.signed_again(consentReceiptID="01a3185c-5000-7091-9293-949596979899"),
        "something else than",
    ),
    "version 1": (lambda g: g.signed_again(schema_version="accord/consent-receipt/1"), "kind"),
    "hash in the proof": (changed_proof, ""),
    "proof of another entry": (
        lambda g: dataclasses.replace(g.receipt, proof=g.other_proof),
        "",
    ),
    "too few witnesses": (uncosigned, ""),
    "no proof": (lambda g: dataclasses.replace(g.receipt, proof=""), ""),
}


@pytest.mark.parametrize("part", TAMPERED)
def test_a_receipt_with_one_part_changed_fails(desk: Desk, part: str) -> None:
    tamper, said = TAMPERED[part]
    changed = tamper(desk.got)
    assert changed != desk.got.receipt
    code, out = desk.check(changed)
    assert code == FAILED
    assert out.startswith("FAILED receipt: ")
    assert "PASSED" not in out
    assert said in out, out


def test_another_key_and_another_policy_fail(desk: Desk) -> None:
    other_key = key_file(desk.folder, OTHER_SEED, "other.jwk")
    code, out = desk.check(desk.got.receipt, "--key", other_key, "--policy", desk.policy)
    assert (code, "signed by another key" in out) == (FAILED, True)
    other = SmallLedger()
    other.log = LogSigner("accord.example/brand", b"\x77" * 32)
    policy = desk.folder / "other.txt"
    policy.write_text(other.policy_text())
    code, out = desk.check(desk.got.receipt, "--key", desk.key, "--policy", policy)
    assert code == FAILED
    assert "PASSED" not in out


def test_every_flipped_byte_of_the_file_fails(desk: Desk) -> None:
    whole = desk.got.receipt.encode()
    step = 7
    for at in range(0, len(whole), step):
        changed = whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :]
        code, out = desk.check(changed)
        assert (code, "FAILED" in out) == (FAILED, True), at


@pytest.mark.parametrize(
    "data",
    [b"", b"{}", b"null", b"[" * 100_000, b"\xff\xfe", b"x" * (2 << 20)],
    ids=["nothing", "empty", "null", "deep", "no-text", "long"],
)
def test_what_is_no_receipt_fails_in_words(desk: Desk, data: bytes) -> None:
    code, out = desk.check(data)
    assert code == FAILED
    assert out.splitlines()[0].startswith("FAILED receipt: ")


def test_it_wants_key_and_policy_and_says_so(desk: Desk) -> None:
    path = desk.folder / "r.json"
    path.write_bytes(desk.got.receipt.encode())
    known = ("--key", desk.key, "--policy", desk.policy)
    for words in (known[:2], known[2:], ()):
        code, _, err = verify("receipt", path, *words)
        assert code == USAGE
        assert "--key and --policy" in err
    none = desk.folder / "none"
    private = desk.folder / "private.jwk"
    private.write_text(json.dumps(json.loads(desk.key.read_text()) | {"d": "A" * 43}))
    for words in (
        ("receipt", none, *known),
        ("receipt", path, "--key", none, *known[2:]),
        ("receipt", path, "--key", desk.policy, *known[2:]),
        ("receipt", path, "--key", private, *known[2:]),
        ("receipt", path, *known[:2], "--policy", desk.key),
        ("receipt", path, *known, "--since", desk.policy),
        ("receipt", path, *known, "--party", "brand=" + "0" * 32),
        ("receipt", desk.folder, *known),
    ):
        code, out, err = verify(*words)
        assert (code, out) == (USAGE, ""), words
        assert err, words
