"""A receipt as a person holds it, with key and policy as an auditor has them; nothing random."""

import base64
import dataclasses
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from consent.defaults import DEFAULT_VOCABULARY
from consent.jws import public_of, to_jwk
from consent.ledger import parse_leaf
from consent.receipt import SignedReceipt, make_receipt, sign_receipt
from consent.receipt_claims import Controller
from tests.support.consents import NOON, SmallLedger, event

SEED, OTHER_SEED = b"\x08" * 32, b"\x09" * 32


@dataclasses.dataclass
class Held:
    """One receipt, and what it is checked with."""

    ledger: SmallLedger
    claims: dict[str, Any]
    receipt: SignedReceipt
    other_proof: str
    """Of the entry before, under the same checkpoint."""

    @property
    def policy(self) -> str:
        return self.ledger.policy_text()

    def signed_again(self, seed: bytes = SEED, **changes: Any) -> SignedReceipt:
        """Return it with other claims, as its keeper can sign them."""
        return sign_receipt(self.claims | changes, seed=seed, proof=self.receipt.proof)

    def with_body(self, change: Callable[[dict[str, Any]], None]) -> SignedReceipt:
        """Return it with other claims under the old signature."""
        head, body, signature = self.receipt.jws.split(".")
        claims = json.loads(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4)))
        change(claims)
        text = json.dumps(claims, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
        changed = base64.urlsafe_b64encode(text.encode()).rstrip(b"=").decode()
        return dataclasses.replace(self.receipt, jws=f"{head}.{changed}.{signature}")


def held() -> Held:
    """Let somebody agree, as entry 1 of 3, and hand out the receipt."""
    ledger, given = SmallLedger(), event(subject_seq=1)
    for record in (event(), given, event(recipient="self")):
        ledger.append(record)
    sealed = ledger.sealed[1]
    claims = make_receipt(
        given,
        receipt_id=parse_leaf(sealed.leaf).entry_id,
        controller=Controller(piiController="Brand"),
        vocabulary=DEFAULT_VOCABULARY,
        leaf=sealed.leaf,
        salt=sealed.salt,
        issued_at_ms=NOON,
    ).to_payload()
    receipt = sign_receipt(claims, seed=SEED, proof=ledger.proof(1).encode())
    return Held(ledger, claims, receipt, ledger.proof(0).encode())


def key_file(folder: Path, seed: bytes = SEED, name: str = "receipt-key.jwk") -> Path:
    """Write the public half of a key as a JSON Web Key."""
    path = folder / name
    path.write_text(json.dumps(to_jwk(public_of(seed))))
    return path
