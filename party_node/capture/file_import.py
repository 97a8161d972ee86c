"""Importing consents and withdrawals from a file of another system: CSV, JSON Lines or Parquet.

Every row ends in one of three counts: accepted, repeated, refused. Refused rows are reported by
line number and reason, never by value. Importing the same file again accepts nothing twice. A
withdrawal whose e-mail and number belong to two persons is taken for both: when in doubt, a no
counts.
"""

import csv
import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np

from consent.vocabulary import Vocabulary
from party_node.capture.rows import COLUMNS, REQUIRED, ConsentRow, Refusal, RowRefused, read_row
from party_node.errors import DatasetUnreadable, ImportUnreadable, MissingColumn
from party_node.identity import EMAIL, NOBODY, PHONE, Identity
from party_node.ledger.consent_ledger import ConsentLedger
from party_node.ledger.writer import Submission, Submitted
from party_node.memory import bulk_work
from party_node.row_file import ROW, RowFile
from protocols import identifiers

MAX_REPORTED = 1_000
"""Refused rows that a report lists; it counts them all."""
_BATCH = 5_000
_SUFFIX = "#2"
"""Ends the id of the second entry that an ambiguous withdrawal becomes."""

RawRow = tuple[int, Mapping[str, str | None] | None]
"""(line, values), or None for the values of a row that could not be split."""


@dataclass(slots=True)
class ImportReport:
    """What became of the rows of one file."""

    accepted: int = 0
    repeated: int = 0
    """Rows that this source had sent before."""
    refused_total: int = 0
    refused: list[tuple[int, str]] = field(default_factory=list)
    """(line, reason) of the first refused rows."""
    for_both: int = 0
    """Accepted objections that were taken for two persons."""
    sha256: str = ""

    def refuse(self, line: int, reason: Refusal) -> None:
        """Count a refused row."""
        self.refused_total += 1
        if len(self.refused) < MAX_REPORTED:
            self.refused.append((line, reason.value))


def import_file(
    path: Path,
    ledger: ConsentLedger,
    identity: Identity,
    vocabulary: Vocabulary,
    source_id: str,
    region: str | None,
    now_ms: int,
    mapping: Mapping[str, str] | None = None,
) -> ImportReport:
    """Take in a file; `mapping` says for each of our columns how the file calls it.

    `region` (ISO 3166) reads national telephone numbers and stands in for an empty jurisdiction.
    Raises: ImportUnreadable, MissingColumn, DiskFull. What was accepted before stays accepted:
    repeat the import, which accepts only the rest.
    """
    file = _Source(Path(path), dict(mapping or {}))
    report = ImportReport(sha256=file.sha256())
    rows = file.rows()
    with bulk_work():
        while batch := list(islice(rows, _BATCH)):
            good = list(_read(batch, vocabulary, region, now_ms, report))
            _append(good, ledger, identity, source_id, region, report)
        report.refused.sort()
        ledger.note_import(
            source_id, report.sha256, report.accepted, report.repeated, report.refused_total, now_ms
        )
    return report


def _read(
    batch: list[RawRow],
    vocabulary: Vocabulary,
    region: str | None,
    now_ms: int,
    report: ImportReport,
) -> Iterator[ConsentRow]:
    for line, values in batch:
        if values is None:
            report.refuse(line, Refusal.MALFORMED_ROW)
            continue
        try:
            yield read_row(line, values, vocabulary, region, now_ms)
        except RowRefused as e:
            report.refuse(line, e.reason)


def _append(
    rows: list[ConsentRow],
    ledger: ConsentLedger,
    identity: Identity,
    source_id: str,
    region: str | None,
    report: ImportReport,
) -> None:
    emails = identifiers.normalise_column(EMAIL, [r.email for r in rows], region).values
    phones = identifiers.normalise_column(PHONE, [r.phone for r in rows], region).values
    found = identity.resolve(emails, phones)
    both = [dense for pair in found.conflicts.values() for dense in pair]
    named = found.dense[found.dense != NOBODY]
    ids = identity.subject_ids([*map(int, np.unique(named)), *both])
    owners: list[ConsentRow] = []
    events = []
    for position, row in enumerate(rows):
        dense = int(found.dense[position])
        if dense != NOBODY:
            owners.append(row)
            events.append(row.event(ids[dense], source_id))
        elif position not in found.conflicts:
            report.refuse(row.line, Refusal.REFUSED_IDENTIFIER)
        elif not row.state.is_objection:
            report.refuse(row.line, Refusal.AMBIGUOUS_PERSON)
        else:
            first, second = found.conflicts[position]
            owners += (row, row)
            events.append(row.event(ids[first], source_id))
            events.append(row.event(ids[second], source_id, _SUFFIX))
    _count(owners, ledger.submit(events), report)


def _count(owners: list[ConsentRow], fates: list[Submission], report: ImportReport) -> None:
    """Count each row once, by its first event; the second of an objection for both is extra."""
    last = None
    for row, fate in zip(owners, fates, strict=True):
        if row is last:
            report.for_both += fate.status is Submitted.ACCEPTED
        elif fate.status is Submitted.ACCEPTED:
            report.accepted += 1
        elif fate.status is Submitted.REPEATED:
            report.repeated += 1
        else:
            report.refuse(row.line, Refusal.CONFLICTING_EVENT)
        last = row


class _Source:
    """A consent file of one of the three kinds."""

    def __init__(self, path: Path, mapping: dict[str, str]) -> None:
        self._path = path
        unknown = sorted(set(mapping) - set(COLUMNS))
        if unknown:
            raise MissingColumn(
                f"the mapping names unknown columns: {', '.join(unknown)}",
                hint=f"columns are: {', '.join(COLUMNS)}",
            )
        self._ours = {theirs: ours for ours, theirs in mapping.items()}
        self._theirs = {ours: mapping.get(ours, ours) for ours in COLUMNS}

    def sha256(self) -> str:
        try:
            with self._path.open("rb") as file:
                return hashlib.file_digest(file, "sha256").hexdigest()
        except OSError as e:
            raise ImportUnreadable(f"{self._path.name}: {e.strerror}") from None

    def rows(self) -> Iterator[RawRow]:
        match self._path.suffix.lower():
            case ".csv":
                return self._csv()
            case ".jsonl" | ".ndjson":
                return self._json_lines()
            case ".parquet":
                return self._parquet()
            case other:
                raise ImportUnreadable(f"files ending in {other or 'nothing'} are not read")

    def _csv(self) -> Iterator[RawRow]:
        # Wrong bytes become lone surrogates here and are refused row by row later.
        with self._path.open(newline="", encoding="utf-8-sig", errors="surrogateescape") as file:
            reader = csv.reader(file, strict=True)
            try:
                header = next(reader, [])
            except csv.Error:
                raise ImportUnreadable("the header line is not CSV") from None
            names = self._named(header)
            while True:
                line = reader.line_num + 1
                try:
                    cells = next(reader)
                except StopIteration:
                    return
                except csv.Error:
                    yield line, None
                    continue
                if cells:  # an empty line is no row
                    fits = len(cells) == len(names)
                    yield line, dict(zip(names, cells, strict=True)) if fits else None

    def _json_lines(self) -> Iterator[RawRow]:
        with self._path.open(encoding="utf-8-sig", errors="surrogateescape") as file:
            for line, text in enumerate(file, start=1):
                if text.strip():
                    yield line, self._object(text)

    def _object(self, text: str) -> dict[str, str | None] | None:
        try:
            row: Any = json.loads(text)
        except (ValueError, RecursionError):
            return None
        if not isinstance(row, dict):
            return None
        values: dict[str, str | None] = {}
        for key, value in row.items():
            if not isinstance(value, str | int | bool | None):
                return None
            # JSON's own true and 5 become the text that a CSV cell would hold.
            values[self._our(key)] = value if isinstance(value, str | None) else json.dumps(value)
        return values

    def _parquet(self) -> Iterator[RawRow]:
        try:
            file = RowFile(self._path)
            present = file.columns()
            wanted = [c for c in dict.fromkeys(self._theirs.values()) if c in present]
            self._named(present)
            table = file.read(wanted, as_text=True)
        except DatasetUnreadable as e:
            raise ImportUnreadable(e.detail) from None
        for part in table.to_batches():
            for row in part.to_pylist():
                line = row.pop(ROW) + 1
                yield line, {self._our(name): value for name, value in row.items()}

    def _named(self, header: list[str]) -> list[str]:
        """Return our names for the file's columns.

        Raises: MissingColumn.
        """
        missing = [self._theirs[ours] for ours in REQUIRED if self._theirs[ours] not in header]
        if self._theirs["email"] not in header and self._theirs["phone"] not in header:
            missing.append(f"{self._theirs['email']} or {self._theirs['phone']}")
        if missing:
            raise MissingColumn(
                f"{self._path.name} has no column {', '.join(missing)}",
                hint="give a mapping if the file calls its columns otherwise",
            )
        return [self._our(name) for name in header]

    def _our(self, name: str) -> str:
        """Return our name for a column; a name of ours that is mapped elsewhere means nothing."""
        if name in self._ours:
            return self._ours[name]
        return f"not mapped: {name}" if name in COLUMNS and self._theirs[name] != name else name
