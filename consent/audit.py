"""Checking an evidence bundle, check by check; see `bundle.py` for its files."""

import enum
import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TypeVar

from consent import fields
from consent.bundle_files import (
    CHECKPOINT,
    POLICY,
    README,
    entry_name,
    expected_hashes,
    notice_of,
    split_entry_name,
)
from consent.checkpoint import Checkpoint
from consent.errors import ConsentError, LedgerInconsistent, MalformedRecord
from consent.events import ConsentEvent
from consent.fields import Entry
from consent.ledger import open_payload, parse_leaf
from consent.merkle import leaf_hash
from consent.policy import Policy, parse_policy
from consent.proof import parse_proof, verify_proof
from consent.uses import UseRecord

T = TypeVar("T")


class Outcome(enum.StrEnum):
    """How a check ended."""

    PASSED = "passed"
    FAILED = "failed"
    NOTED = "noted"
    """Nothing is wrong; something was not checked, and the reader should know."""


@dataclass(frozen=True, slots=True)
class Check:
    """One check: what was looked at, how it ended, and why."""

    what: str
    outcome: Outcome
    detail: str = ""
    code: str = ""
    """The error's code, where it failed."""


@dataclass(frozen=True, slots=True)
class BundleReport:
    """Every check, in order."""

    checks: tuple[Check, ...]
    checkpoint: Checkpoint | None
    records: Mapping[int, Entry]
    """Opened and verified payloads by index."""

    @property
    def failures(self) -> tuple[Check, ...]:
        """The checks that failed."""
        return tuple(c for c in self.checks if c.outcome is Outcome.FAILED)

    def require(self) -> None:
        """Return if no check failed.

        Raises: LedgerInconsistent, naming the first failure.
        """
        for check in self.failures:
            raise LedgerInconsistent(f"{check.what}: {check.detail}")

    def text(self) -> str:
        """Return the report, one line for each check."""
        return "".join(f"{c.outcome.value.upper():6} {c.what}: {c.detail}\n" for c in self.checks)


def audit(files: Mapping[str, bytes], policy: Policy | None) -> BundleReport:
    """Run every check."""
    return _Audit(files, policy).run()


class _Audit:
    def __init__(self, files: Mapping[str, bytes], policy: Policy | None) -> None:
        self._files, self._policy = files, policy
        self._checks: list[Check] = []
        self._checkpoint: Checkpoint | None = None
        self._records: dict[int, Entry] = {}
        self._leaf_hashes: dict[int, bytes] = {}

    def run(self) -> BundleReport:
        self._try("files", "the README lists exactly these files", self._check_files)
        if self._policy is None:
            self._policy = self._try("policy", "can be read", self._read_own_policy)
            self._note("policy", "is the bundle's own: compare its keys by other means")
        self._checkpoint = self._try(
            "checkpoint", "is signed and cosigned as the policy asks", self._open_checkpoint
        )
        for index in self._indices():
            self._check_entry(index)
        self._check_notices()
        self._check_chains()
        self._check_uses()
        return BundleReport(tuple(self._checks), self._checkpoint, self._records)

    def _try(self, what: str, passed: str, check: Callable[[], T]) -> T | None:
        try:
            result = check()
        except ConsentError as e:
            self._checks.append(Check(what, Outcome.FAILED, str(e), e.code))
            return None
        self._checks.append(Check(what, Outcome.PASSED, passed))
        return result

    def _note(self, what: str, detail: str) -> None:
        self._checks.append(Check(what, Outcome.NOTED, detail))

    def _file(self, name: str) -> bytes:
        data = self._files.get(name)
        if data is None:
            raise MalformedRecord(f"the bundle has no {name}")
        return data

    def _check_files(self) -> None:
        text = self._file(README).decode("utf-8", "replace")
        expected = expected_hashes(text)
        present = set(self._files) - {README}
        if present != set(expected):
            raise LedgerInconsistent("the README lists other files than there are")
        for name in sorted(present):
            if hashlib.sha256(self._files[name]).digest() != expected[name]:
                raise LedgerInconsistent(f"{name} is not the file that the README lists")
            if name in (CHECKPOINT, POLICY):
                continue
            if split_entry_name(name) is None and notice_of(name) is None:
                raise MalformedRecord("there is a file that a bundle does not have")

    def _read_own_policy(self) -> Policy:
        return parse_policy(self._file(POLICY))

    def _open_checkpoint(self) -> Checkpoint:
        return self._trusted().open(self._file(CHECKPOINT))

    def _trusted(self) -> Policy:
        if self._policy is None:
            raise MalformedRecord("there is no policy to check against")
        return self._policy

    def _indices(self) -> list[int]:
        names = (split_entry_name(name) for name in self._files)
        return sorted({found[0] for found in names if found is not None})

    def _check_entry(self, index: int) -> None:
        what = f"entry {index}"
        leaf = self._try(what, "has a leaf in canonical form", lambda: self._read_leaf(index))
        if leaf is None:
            return
        self._try(what, "is in the log at this place", lambda: self._check_proof(index))
        shown = [
            k for k in ("payload", "withheld", "erased") if entry_name(index, k) in self._files
        ]
        if shown == ["payload"]:
            self._try(what, "says what its leaf commits to", lambda: self._open(index))
        elif len(shown) == 1 and entry_name(index, "salt") not in self._files:
            self._note(what, f"{shown[0]}: {self._reason(index, shown[0])}")
        else:
            detail = "has neither a payload nor the reason why not, or both"
            self._checks.append(Check(what, Outcome.FAILED, detail, MalformedRecord.code))

    def _read_leaf(self, index: int) -> bytes:
        leaf = self._file(entry_name(index, "leaf"))
        parse_leaf(leaf)
        self._leaf_hashes[index] = leaf_hash(leaf)
        return leaf

    def _check_proof(self, index: int) -> None:
        proof = parse_proof(self._file(entry_name(index, "tlog-proof")))
        if proof.index != index:
            raise LedgerInconsistent("the proof is of another place in the log")
        if verify_proof(proof, self._leaf_hashes[index], self._trusted()) != self._checkpoint:
            raise LedgerInconsistent("the proof leads to another checkpoint")

    def _open(self, index: int) -> None:
        salt = self._file(entry_name(index, "salt")).decode("utf-8", "replace")
        self._records[index] = open_payload(
            self._file(entry_name(index, "leaf")),
            salt=fields.digest.read(salt.removesuffix("\n")),
            payload=self._file(entry_name(index, "payload")),
        )

    def _reason(self, index: int, kind: str) -> str:
        text = self._files[entry_name(index, kind)].decode("utf-8", "replace")
        return "".join(c if c.isprintable() else " " for c in text).strip()[:512]

    def _check_notices(self) -> None:
        held = set()
        for name in sorted(self._files):
            named = notice_of(name)
            if named is None:
                continue
            held.add(named)
            if hashlib.sha256(self._files[name]).digest() != named:
                detail = "is not the notice that its name says"
                self._checks.append(Check(name, Outcome.FAILED, detail, LedgerInconsistent.code))
            else:
                self._checks.append(Check(name, Outcome.PASSED, "has the hash in its name"))
        for index, record in sorted(self._records.items()):
            notice = record.leaf_hash_of("notice_hash")
            if notice is not None and notice not in held:
                self._note(f"entry {index}", "its notice is not in the bundle")

    def _check_chains(self) -> None:
        """Compare each event of a person with the one before, where the bundle has both."""
        by_person: dict[str, dict[int, tuple[int, ConsentEvent]]] = {}
        for index, record in sorted(self._records.items()):
            if isinstance(record, ConsentEvent) and record.subject_seq is not None:
                numbered = by_person.setdefault(record.subject_id, {})
                what = f"entry {index}"
                if record.subject_seq in numbered:
                    detail = "the person has another event with this number"
                    code = LedgerInconsistent.code
                    self._checks.append(Check(what, Outcome.FAILED, detail, code))
                numbered[record.subject_seq] = index, record
        for numbered in by_person.values():
            for number, (index, event) in sorted(numbered.items()):
                before = numbered.get(number - 1)
                if number == 1:
                    self._chain(index, event.previous, None)
                elif before is not None:
                    self._chain(index, event.previous, self._leaf_hashes[before[0]])

    def _chain(self, index: int, previous: bytes | None, expected: bytes | None) -> None:
        def check() -> None:
            if previous != expected:
                raise LedgerInconsistent("it does not continue the person's event before it")

        self._try(f"entry {index}", "continues the person's chain of events", check)

    def _check_uses(self) -> None:
        for index, record in sorted(self._records.items()):
            if isinstance(record, UseRecord):
                use = record

                def check(use: UseRecord = use, index: int = index) -> None:
                    if self._checkpoint is None or use.as_of.origin != self._checkpoint.origin:
                        raise LedgerInconsistent("it was decided by another ledger")
                    if use.as_of.tree_size > index:
                        raise LedgerInconsistent("it was decided by a state that came after it")

                self._try(f"entry {index}", "was decided by an earlier state of this log", check)
