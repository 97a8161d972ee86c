"""Importing consents and withdrawals from a file of another system: CSV, JSON Lines or Parquet.

    read      rows to batches, by the mapping; refused rows by line and reason, never by value
    resolve   whose rows they are; new persons are made
    submit    events to the ledger, one transaction for each batch

A large file is read by a second process, ahead of what this one takes in. Every row, or event of a
wide row, ends as accepted, repeated, refused or skipped. Importing a file again accepts nothing
twice, so an import that was interrupted is simply repeated. A withdrawal whose e-mail and number
belong to two persons is taken for both: when in doubt, a no counts.
"""

import functools
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple, Protocol

from consent.events import ConsentEvent
from consent.instants import NEVER
from consent.statements import Evidence
from consent.vocabulary import Vocabulary
from party_node.capture import said
from party_node.capture.ahead import open_source
from party_node.capture.batches import NO_EXTRAS, Batch
from party_node.capture.errors import ImportInterrupted, ImportUnreadable
from party_node.capture.mapping import FileMapping, by_columns
from party_node.capture.reading import Task
from party_node.capture.refusals import Refusal
from party_node.capture.rehearsal import Rehearsal
from party_node.capture.rejects import Write, rejects_file
from party_node.capture.report import MAX_REPORTED as MAX_REPORTED
from party_node.capture.report import ImportReport, RowNote
from party_node.capture.said import Context
from party_node.identity import Identity, Resolution
from party_node.ledger.consent_ledger import ConsentLedger
from party_node.ledger.writer import Submission, Submitted
from party_node.memory import bulk_work

_SUFFIX = "#2"
"""Ends the id of the second entry that an ambiguous withdrawal becomes."""
_EVENT_ID_KEY = "import-event-id/1"
GROUP = 8
"""Batches whose persons are resolved at once."""


class _Who(NamedTuple):
    """Whom a row is about: one person, two whom it confuses, or one who was erased."""

    subject: str | None
    two: tuple[str, str] | None
    """The owner of the e-mail address and another one, of the number."""
    erased: bool
    erased_ms: int = NEVER
    """When one who came back was erased: what they said up to then does not count again."""


Watch = Callable[[ImportReport], None]
"""Told after each batch how far it is; raises ImportInterrupted to stop there."""


def import_file(
    path: Path,
    ledger: ConsentLedger,
    identity: Identity,
    vocabulary: Vocabulary,
    source_id: str,
    region: str | None,
    now_ms: int,
    mapping: FileMapping | Mapping[str, str] | None = None,
    *,
    dry_run: bool = False,
    rejects: Path | None = None,
    watch: Watch = lambda _report: None,
) -> ImportReport:
    """Take in a file; `mapping` says what its columns mean, where they are not called as ours are.

    `region` (ISO 3166) reads national telephone numbers and stands in for an empty jurisdiction.
    `rejects` gets every refused row. With `dry_run` the report is the same and nothing is written.
    Raises: ImportUnreadable, MissingColumn, RejectsUnwritable before anything is taken in;
    ImportInterrupted, DiskFull. What was accepted before stays accepted: repeat the import, which
    accepts only the rest.
    """
    if not isinstance(mapping, FileMapping):
        mapping = by_columns(mapping or {})
    purposes = sorted(p.purpose_id for p in vocabulary.purposes)
    # Reading gets no key that it has no use for.
    key = ledger.vault.derive(_EVENT_ID_KEY) if mapping.event_id else b""
    task = Task(str(Path(path).absolute()), mapping.origin, purposes, region, now_ms, key.hex())
    context = Context(frozenset(purposes), region, mapping.separator)
    report = ImportReport(dry_run=dry_run)
    taker = Rehearsal(ledger, identity) if dry_run else _Real(ledger, identity)
    with bulk_work(), open_source(task) as source, rejects_file(rejects) as reject:
        report.sha256 = source.sha256
        intake = _Intake(taker, source_id, mapping, context, report, reject)
        try:
            for _ in intake.take_all(source.batches()):
                watch(report)
        except (ImportUnreadable, ImportInterrupted) as e:
            if report.rows:
                raise _how_far(e, report) from None
            raise
    if not dry_run:
        ledger.note_import(
            source_id, report.sha256, report.accepted, report.repeated, report.refused_total, now_ms
        )
    return report


def _how_far(
    error: ImportUnreadable | ImportInterrupted, report: ImportReport
) -> ImportUnreadable | ImportInterrupted:
    taken = "nothing was taken in" if report.dry_run else f"{report.accepted:,} were taken in"
    detail = f"{error.detail or error.sentence()}; of {report.rows:,} rows before that, {taken}"
    return type(error)(detail, hint=error.hint)


class _Taker(Protocol):
    """Where events go: the node itself, or a rehearsal."""

    def resolve(self, emails: Sequence[str | None], phones: Sequence[str | None]) -> Resolution: ...

    def subject_ids(self, dense: Iterable[int]) -> dict[int, str]: ...

    def submit(self, events: Sequence[ConsentEvent]) -> list[Submission]: ...


class _Real:
    """The node's persons and ledger."""

    def __init__(self, ledger: ConsentLedger, identity: Identity) -> None:
        self.resolve, self.subject_ids = identity.resolve, identity.subject_ids
        self.submit = ledger.submit


@dataclass(frozen=True, slots=True)
class _Content:
    """What makes an event of one combination of shared cells."""

    make: Callable[..., ConsentEvent]
    media_type: str
    objects: bool


class _Intake:
    """Takes in the batches of one file."""

    def __init__(
        self, taker: _Taker, source_id: str, mapping: FileMapping, context: Context,
        report: ImportReport, reject: Write,
    ) -> None:  # fmt: skip
        self._taker, self._report, self._reject = taker, report, reject
        self._suffixes = [part.suffix for part in mapping.events]

        @functools.lru_cache(maxsize=10_000)
        def content(texts: tuple[said.Cell, ...]) -> _Content:
            found = said.read(texts, context)
            make = functools.partial(ConsentEvent, source_id=source_id, **found.values)
            return _Content(make, found.media_type, found.state.is_objection)

        self._content = content

    def take_all(self, batches: Iterator[Batch]) -> Iterator[None]:
        """Take in everything; control comes back after each batch.

        Persons are resolved for several batches at once: their digests lie all over the table, and
        every page of it that is touched in a transaction is written. Meanwhile the next batches are
        fetched one by one, so that whoever reads ahead never has to wait for long.
        """
        group = list(islice(batches, GROUP))
        while group:
            people = self._people(group)
            following: list[Batch] = []
            for batch in group:
                self._take(batch, people)
                yield
                following += islice(batches, 1)
            group = following

    def _people(self, group: Sequence[Batch]) -> Iterator[_Who]:
        """Return, for each row in turn, whom it is about."""
        emails = [email for batch in group for email in batch.emails]
        phones = [phone for batch in group for phone in batch.phones]
        found = self._taker.resolve(emails, phones)
        dense = found.dense.tolist()
        both = [person for pair in found.conflicts.values() for person in pair]
        older = {person for person in (*dense, *both) if person >= 0} - found.new_ids.keys()
        ids = {**found.new_ids, **self._taker.subject_ids(older)}
        for row, person in enumerate(dense):
            pair = found.conflicts.get(row)
            two = None if pair is None else (ids[pair[0]], ids[pair[1]])
            at = found.erased_ms.get(row, NEVER)
            yield _Who(ids.get(person), two, row in found.suppressed, at)

    def _take(self, batch: Batch, people: Iterator[_Who]) -> None:
        """Submit and count one batch."""
        contents = [self._content(texts) for texts in batch.said]
        persons = list(islice(people, len(batch.lines)))
        owners: list[int] = []
        events: list[ConsentEvent] = []
        ambiguous, erased = [], []
        for number, (row, place, name, time, until) in enumerate(
            zip(batch.row_of, batch.said_of, batch.ids, batch.times_ms, batch.untils_ms,
                strict=True)
        ):  # fmt: skip
            what = contents[place]
            more: dict[str, Any] = {} if until is None else {"valid_until_ms": until}
            if batch.extras and batch.extras[number] != NO_EXTRAS:
                more |= _extras(*batch.extras[number], what.media_type)
            subject, two, was_erased, erased_ms = persons[row]
            if subject is not None and time <= erased_ms:
                erased.append(number)
            elif subject is not None:
                owners.append(number)
                events.append(
                    what.make(subject_id=subject, source_event_id=name, event_time_ms=time, **more)
                )
            elif was_erased:
                erased.append(number)
            elif two is None or not what.objects:
                ambiguous.append(number)
            else:
                for person, end in zip(two, ("", _SUFFIX), strict=True):
                    owners.append(number)
                    events.append(
                        what.make(
                            subject_id=person,
                            source_event_id=name + end,
                            event_time_ms=time,
                            **more,
                        )
                    )
        conflicts = self._count(owners, self._taker.submit(events))
        self._note(
            batch,
            {
                Refusal.ERASED_PERSON: erased,
                Refusal.AMBIGUOUS_PERSON: ambiguous,
                Refusal.CONFLICTING_EVENT: conflicts,
            },
        )

    def _count(self, owners: Sequence[int], fates: Sequence[Submission]) -> list[int]:
        """Count each event once, by its first entry; the second of an objection for both is extra.

        Returns the events that contradict what the source sent before.
        """
        report, conflicts, last = self._report, [], -1
        for owner, fate in zip(owners, fates, strict=True):
            if owner == last:
                report.for_both += fate.status is Submitted.ACCEPTED
            elif fate.status is Submitted.ACCEPTED:
                report.accepted += 1
            elif fate.status is Submitted.REPEATED:
                report.repeated += 1
            else:
                conflicts.append(owner)
            last = owner
        return conflicts

    def _note(self, batch: Batch, left_out: Mapping[Refusal, list[int]]) -> None:
        """Report what of the batch was not taken in, in the order of the file."""

        def place(number: int) -> tuple[int, int]:
            return batch.lines[batch.row_of[number]], batch.part_of[number]

        refused = batch.refused + [
            (*place(number), reason.value)
            for reason, numbers in left_out.items()
            for number in numbers
        ]
        suffixes = self._suffixes
        notes = [RowNote(line, reason, suffixes[part]) for line, part, reason in sorted(refused)]
        self._report.rows += batch.rows_read
        self._report.refuse(notes)
        self._report.skip([RowNote(line, "skipped", suffixes[p]) for line, p in batch.skipped])
        self._reject(notes)


def _extras(served: str, digest: str, reference: str, media_type: str) -> dict[str, Any]:
    """Return the fields of an event that say how it can be shown."""
    found: dict[str, Any] = {"served_event_id": served} if served else {}
    if digest:
        evidence = Evidence(
            sha256=said.sha256(digest, Refusal.BAD_EVIDENCE),
            media_type=media_type or said.DEFAULT_MEDIA_TYPE,
            reference=reference or None,
        )
        found["evidence"] = (evidence,)
    return found
