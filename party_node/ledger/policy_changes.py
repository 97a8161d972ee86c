"""Changes of the trust policy, as entries of the ledger: each is written before it is in force.

    policy.next    what is about to be in force, and the ledger's size at that moment
    entry          `trust-policy-changed` with the hash of the text
    policy.txt     the new text
    policy.entry   the entry and the hash

A start finds out how far a change came that was interrupted: with its entry it is brought to an
end, without it is dropped. A `policy.txt` that no entry speaks of, changed by hand, gets one then.
"""

import functools
import hashlib
import json
from pathlib import Path
from typing import Any

from consent.milestones import OperatorAction
from party_node import durable_file
from party_node.errors import PolicyUnusable
from party_node.ledger import trust_policy
from party_node.ledger.actions import note_action
from party_node.ledger.consent_ledger import ConsentLedger
from party_node.ledger.trust_policy import TrustPolicy
from party_node.observability import log

ACTION = "trust-policy-changed"
NEXT, ENTRY = "policy.next", "policy.entry"
AT_START = "node:start"
"""Who a change is by that a start finds: whoever could write to the home."""


class PolicyChanges:
    """The changes of one node's policy."""

    def __init__(self, ledger: ConsentLedger, home: Path) -> None:
        self._ledger, self._home = ledger, home

    def put_in_force(self, trust: TrustPolicy, by: str, what: str) -> None:
        """Write a change down, then let the next start find the new policy.

        Raises: PolicyUnusable, DiskFull, and as `ConsentLedger.append`.
        """
        size, _ = self._ledger.head()
        self._write(NEXT, {"size": size, "text": trust.text})
        entry = note_action(self._ledger, ACTION, by, f"sha256 {_digest(trust.text)}; {what}")
        self._end(trust.text, entry)

    def finish(self) -> None:
        """Bring a change to its end that was written down, and drop one that was not."""
        pending = self._read(NEXT, "size", "text")
        if pending is None:
            return
        text, found = str(pending["text"]), None
        for entry in self._ledger.entries(int(pending["size"])):
            if _speaks_of(entry.record, text):
                found = entry.index
        if found is None:
            (self._home / NEXT).unlink()
        else:
            self._end(text, found)
        log.warning("policy-change-interrupted", finished=found is not None)

    def compare(self, trust: TrustPolicy, first: TrustPolicy) -> None:
        """Write down that another policy is there than the newest entry says; for the start."""
        known = self._read(ENTRY, "entry", "sha256")
        if known is None:
            if trust.text == first.text:
                return
        elif known["sha256"] == _digest(trust.text) and self._is_entry(known, trust.text):
            return
        detail = f"sha256 {_digest(trust.text)}; found so at the start"
        entry = note_action(self._ledger, ACTION, AT_START, detail)
        self._write(ENTRY, {"entry": entry, "sha256": _digest(trust.text)})
        log.warning("policy-changed-by-hand", entry=entry)

    def _is_entry(self, known: dict[str, Any], text: str) -> bool:
        index = int(known["entry"])
        found = self._ledger.entries(index, index + 1)
        return any(_speaks_of(entry.record, text) for entry in found)

    def _end(self, text: str, entry: int) -> None:
        trust_policy.store_text(self._home, text)
        self._write(ENTRY, {"entry": entry, "sha256": _digest(text)})
        (self._home / NEXT).unlink(missing_ok=True)

    def _write(self, name: str, content: dict[str, Any]) -> None:
        text = json.dumps(content) + "\n"
        try:
            durable_file.replace(self._home / name, functools.partial(_write_text, text))
        except OSError as e:
            reason = (e.strerror or "refused").lower()
            raise PolicyUnusable(f"{self._home / name} cannot be written: {reason}", hint="") from e

    def _read(self, name: str, *keys: str) -> dict[str, Any] | None:
        try:
            found = json.loads((self._home / name).read_text(encoding="utf-8"))
        except FileNotFoundError:
            return None
        except (OSError, ValueError) as e:
            raise PolicyUnusable(f"{self._home / name} cannot be read", hint="delete it") from e
        if not isinstance(found, dict) or not found.keys() >= set(keys):
            raise PolicyUnusable(f"{self._home / name} cannot be read", hint="delete it")
        return found


def _write_text(text: str, path: Path) -> None:
    path.write_text(text, encoding="utf-8")


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _speaks_of(record: object, text: str) -> bool:
    return (
        isinstance(record, OperatorAction)
        and record.action == ACTION
        and (record.detail or "").startswith(f"sha256 {_digest(text)};")
    )
