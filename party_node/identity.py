"""Who a row is about: e-mail addresses and telephone numbers resolved to persons of this node.

A person (*subject*) has a dense number, for bitmaps, and a random 128-bit id, for records.
Identifiers are kept only as HMAC-SHA-256 digests under a key of this node. The rules:

    known e-mail → that person;  else known number → that person;  else a new person
    the row's other identifier is attached to the person found
    e-mail and number of two different persons → *ambiguous*: withheld, never guessed
    a new e-mail beside the number of somebody who has another e-mail → ambiguous too: households
        share numbers, and one member's consent must never cover another
"""

import secrets
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import func, select
from sqlmodel import Session

from consent.instants import NEVER
from party_node.database import Database, insert_many, select_among
from party_node.errors import RowChanged
from party_node.keyed_digest import keyed_digest
from party_node.row_checks import RowChecks
from party_node.suppression import Suppression
from party_node.tables import CounterRow, IdentifierRow, SubjectRow
from party_node.vault import Vault
from protocols.session import Rng

EMAIL, PHONE = "email", "phone"
_SLICE = 40_000
"""Rows that are resolved at a time, which bounds the memory; each sees what earlier ones stored."""
_PERSONS = "persons"
"""Counter of the numbers that were ever given."""
NOBODY = -1
"""Stands where a row is about no person that can be named."""


@dataclass(frozen=True, slots=True)
class Resolution:
    """What became of each row, in the order given."""

    dense: NDArray[np.int64]
    """Shape (rows,); NOBODY where the row has no identifier or is ambiguous."""
    created: int
    """Persons that were new."""
    missing: int
    """Rows with neither e-mail nor number."""
    conflicts: Mapping[int, tuple[int, int]] = field(repr=False)
    """Ambiguous rows: row number → the person of its e-mail, the person of its number."""
    new_ids: Mapping[int, str] = field(default_factory=dict, repr=False)
    """The record ids of the new persons."""
    suppressed: frozenset[int] = frozenset()
    """Rows about somebody who was erased: nobody is made of them."""
    erased_ms: Mapping[int, int] = field(default_factory=dict)
    """Rows about somebody who came back: row number → when they were erased. What they said up to
    then does not count again."""

    @property
    def ambiguous(self) -> int:
        """Rows whose e-mail and number belong to different persons."""
        return len(self.conflicts)


class Identity:
    """The persons of one node."""

    def __init__(self, db: Database, vault: Vault, rng: Rng = secrets.token_bytes) -> None:
        self._db, self._rng = db, rng
        self._keyed = keyed_digest(vault.derive("identifier-pepper/1"))
        self.checks, self._suppression = RowChecks(vault), Suppression(vault)

    def resolve(
        self,
        emails: Sequence[str | None],
        phones: Sequence[str | None],
        *,
        returning_ms: Sequence[int] | None = None,
    ) -> Resolution:
        """Return the person of each row, making new persons where nobody is known.

        Both columns hold normalised identifiers or None and are equally long. One transaction. Who
        was erased stays so, unless they come back by an act of their own: `returning_ms` says of
        each row when that was, and it must be after the erasure. Raises: ValueError if the lengths
        differ; RowChanged.
        """
        if len(emails) != len(phones):
            raise ValueError("one e-mail and one number for each row")
        dense = np.full(len(emails), NOBODY, dtype=np.int64)
        conflicts: dict[int, tuple[int, int]] = {}
        new_ids: dict[int, str] = {}
        suppressed: set[int] = set()
        erased_ms: dict[int, int] = {}
        missing = 0
        with self._db.writing() as session:
            free = _first_free(session)
            for start in range(0, len(emails), _SLICE):
                part = slice(start, start + _SLICE)
                known = self._known(session, emails[part], phones[part], free + len(new_ids))
                found = known.resolve_all(None if returning_ms is None else returning_ms[part])
                new_ids.update(self._store(session, known))
                dense[part] = found.dense
                conflicts.update((start + row, two) for row, two in found.conflicts.items())
                suppressed.update(start + row for row in found.suppressed)
                erased_ms.update((start + row, at) for row, at in found.erased_ms.items())
                missing += found.missing
        return Resolution(
            dense, len(new_ids), missing, conflicts, new_ids, frozenset(suppressed), erased_ms
        )

    def rehearse(
        self, emails: Sequence[str | None], phones: Sequence[str | None], made_up: "MadeUp"
    ) -> Resolution:
        """Return what `resolve` would, but store nothing: new persons are noted in `made_up`."""
        with self._db.reading() as session:
            known = self._known(session, emails, phones, made_up.first_free, made_up)
        found = known.resolve_all()
        made_up.keep(known.made, known.attached)
        return found

    def find(self, kind: str, value: str) -> int | None:
        """Return the person with this normalised identifier, or None; makes nobody.

        Raises: RowChanged.
        """
        with self._db.reading() as session:
            digest = self._digest(kind, value)
            return _look_up(session, self.checks, kind, [digest], None).get(digest)

    def subject_ids(self, dense: Iterable[int]) -> dict[int, str]:
        """Return the record ids of these persons; persons who do not exist are left out."""
        with self._db.reading() as session:
            return dict(self._persons(session, "dense", sorted(set(dense))))

    def dense_of(self, subject_ids: Iterable[str]) -> dict[str, int]:
        """Return the dense numbers of these record ids; unknown ids are left out."""
        with self._db.reading() as session:
            found = self._persons(session, "subject_id", sorted(set(subject_ids)))
            return {name: dense for dense, name in found}

    def count(self) -> int:
        """Return how many persons this node knows."""
        with self._db.reading() as session:
            return int(session.execute(select(func.count()).select_from(SubjectRow)).scalar_one())

    def _persons(
        self, session: Session, key: str, wanted: Sequence[int] | Sequence[str]
    ) -> Iterator[tuple[int, str]]:
        """Return number and record id of these persons. Raises: RowChanged."""
        columns = ("dense", "subject_id", "check")
        for dense, name, check in select_among(session, SubjectRow, columns, key, wanted):
            if check != self.checks.subject(dense, name):
                raise RowChanged("in the table subjects")
            yield dense, name

    def _digest(self, kind: str, value: str) -> bytes:
        return self._keyed(f"{kind}\x00{value}".encode())

    def _digests(self, kind: str, values: Sequence[str | None]) -> list[bytes | None]:
        digest, prefix = self._keyed, f"{kind}\x00"
        return [None if v is None else digest(f"{prefix}{v}".encode()) for v in values]

    def _known(
        self,
        session: Session,
        emails: Sequence[str | None],
        phones: Sequence[str | None],
        first_free: int,
        made_up: "MadeUp | None" = None,
    ) -> "_Known":
        by_email, by_phone = self._digests(EMAIL, emails), self._digests(PHONE, phones)
        emails_known = _look_up(session, self.checks, EMAIL, by_email, made_up)
        phones_known = _look_up(session, self.checks, PHONE, by_phone, made_up)
        reachable = sorted(set(phones_known.values()))
        found = select_among(session, IdentifierRow, ("subject",), "subject", reachable, kind=EMAIL)
        with_email = {subject for (subject,) in found} | set(emails_known.values())
        if made_up is not None:
            with_email.update(person for person in reachable if made_up.has_email(person))
        known = _Known(by_email, by_phone, emails_known, phones_known, with_email, first_free)
        for kind, digests in ((EMAIL, by_email), (PHONE, by_phone)):
            there = {d for d in digests if d is not None}
            known.erased |= self._suppression.suppressed(session, kind, there)
        return known

    def _store(self, session: Session, known: "_Known") -> list[tuple[int, str]]:
        drawn = self._rng(16 * len(known.made)).hex()
        made = [(dense, drawn[32 * n : 32 * n + 32]) for n, dense in enumerate(known.made)]
        checks = self.checks
        persons = [(dense, name, checks.subject(dense, name)) for dense, name in made]
        attached = [(*row, checks.identifier(*row)) for row in sorted(known.attached)]
        insert_many(session, SubjectRow, ("dense", "subject_id", "check"), persons)
        insert_many(session, IdentifierRow, ("kind", "digest", "subject", "check"), attached)
        if made:
            session.merge(CounterRow(name=_PERSONS, value=made[-1][0] + 1))
        return made


class MadeUp(Protocol):
    """The persons that a rehearsal would have made (`capture/rehearsal.py`)."""

    first_free: int

    def find(self, kind: str, digests: Sequence[bytes]) -> dict[bytes, int]:
        """Return the persons of these digests, as far as the rehearsal attached any."""

    def has_email(self, person: int) -> bool:
        """Return whether the rehearsal attached an e-mail address to this person."""

    def keep(self, made: Sequence[int], attached: Sequence[tuple[str, bytes, int]]) -> None:
        """Note what would have been stored."""


class _Known:
    """Digest → person for one slice, growing row by row; later rows see earlier ones."""

    def __init__(
        self,
        email_column: Sequence[bytes | None],
        phone_column: Sequence[bytes | None],
        emails: dict[bytes, int],
        phones: dict[bytes, int],
        with_email: set[int],
        first_free: int,
    ) -> None:
        self._columns, self._with_email = (email_column, phone_column), with_email
        self._emails, self._phones, self._free = emails, phones, first_free
        self.made: list[int] = []
        self.attached: list[tuple[str, bytes, int]] = []
        self.erased: dict[bytes, int] = {}
        """When who had these identifiers was erased."""

    def resolve_all(self, returning_ms: Sequence[int] | None = None) -> Resolution:
        emails, phones = self._columns
        dense = np.full(len(emails), NOBODY, dtype=np.int64)
        conflicts: dict[int, tuple[int, int]] = {}
        suppressed: set[int] = set()
        erased_ms: dict[int, int] = {}
        missing = 0
        for row, (email, phone) in enumerate(zip(emails, phones, strict=True)):
            erased = self._erased_ms(email, phone) if self.erased else None
            if erased is not None:
                said = NEVER if returning_ms is None else returning_ms[row]
                if said <= erased and self._is_gone(email, phone):
                    suppressed.add(row)
                    continue
                erased_ms[row] = erased
            by_email = None if email is None else self._emails.get(email)
            by_phone = None if phone is None else self._phones.get(phone)
            if email is None and phone is None:
                missing += 1
            elif by_email is not None and by_phone is not None and by_email != by_phone:
                conflicts[row] = (by_email, by_phone)
            elif email is not None and by_email is None and by_phone in self._with_email:
                assert by_phone is not None
                conflicts[row] = (self._attach(self._new(), email, None), by_phone)
            else:
                person = by_email if by_email is not None else by_phone
                dense[row] = self._attach(self._new() if person is None else person, email, phone)
        return Resolution(
            dense, len(self.made), missing, conflicts, {}, frozenset(suppressed), erased_ms
        )

    def _erased_ms(self, *identifiers: bytes | None) -> int | None:
        """Return when somebody with one of these was erased last, if anybody was."""
        return max((self.erased[i] for i in identifiers if i in self.erased), default=None)

    def _is_gone(self, email: bytes | None, phone: bytes | None) -> bool:
        """Return whether somebody with one of these was erased and has not come back."""
        there = (email, self._emails), (phone, self._phones)
        return any(i in self.erased and i not in known for i, known in there)

    def _new(self) -> int:
        self.made.append(self._free)
        self._free += 1
        return self._free - 1

    def _attach(self, person: int, email: bytes | None, phone: bytes | None) -> int:
        if email is not None and email not in self._emails:
            self._emails[email] = person
            self._with_email.add(person)
            self.attached.append((EMAIL, email, person))
        if phone is not None and phone not in self._phones:
            self._phones[phone] = person
            self.attached.append((PHONE, phone, person))
        return person


def _look_up(
    session: Session,
    checks: RowChecks,
    kind: str,
    digests: Iterable[bytes | None],
    made_up: MadeUp | None,
) -> dict[bytes, int]:
    """Return the persons of these digests. Raises: RowChanged."""
    wanted = sorted({d for d in digests if d is not None})
    columns = ("digest", "subject", "check")
    found: dict[bytes, int] = {}
    for digest, subject, check in select_among(
        session, IdentifierRow, columns, "digest", wanted, kind=kind
    ):
        if check != checks.identifier(kind, digest, subject):
            raise RowChanged("in the table identifiers")
        found[digest] = subject
    if made_up is not None:
        found |= made_up.find(kind, [d for d in wanted if d not in found])
    return found


def _first_free(session: Session) -> int:
    """Return the next number: none is ever given twice, also when its person was erased."""
    highest = session.execute(select(func.max(SubjectRow.dense))).scalar_one()
    counted = session.get(CounterRow, _PERSONS)
    return max(0 if highest is None else highest + 1, 0 if counted is None else counted.value)
