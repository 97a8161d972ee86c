"""Checking the receipt that a person got: signature, event, and the proof that it is in the log.

Pure: bytes in, checks out, for any bytes.
"""

from consent.audit import Check, Outcome
from consent.errors import ConsentError
from consent.policy import Policy
from consent.receipt import VerifiedReceipt, parse_receipt, verify_receipt

_WHAT = "receipt"


def audit_receipt(data: bytes, public: bytes, policy: Policy) -> list[Check]:
    """Run every check of a receipt file; never raises for what it holds.

    `public` is the key that signs the keeper's receipts, `policy` the auditor's trust root.
    """
    try:
        found = verify_receipt(parse_receipt(data), public=public, policy=policy)
    except ConsentError as e:
        return [Check(_WHAT, Outcome.FAILED, str(e), e.code)]
    return [
        Check(_WHAT, Outcome.PASSED, "signed by the key that you gave"),
        Check("event", Outcome.PASSED, _said(found)),
        Check("log", Outcome.PASSED, _place(found)),
        Check(
            "now",
            Outcome.NOTED,
            "what the person said since is not in a receipt: ask its keeper",
        ),
    ]


def _said(found: VerifiedReceipt) -> str:
    event = found.event
    whom = f"towards {event.recipient}" if event.recipient != "self" else "towards the keeper alone"
    return f"{event.state.value} for {event.purpose}, {whom}; the leaf commits to just this"


def _place(found: VerifiedReceipt) -> str:
    said = found.checkpoint
    return f"entry {found.index} of {said.origin}, under the checkpoint of size {said.size}"
