"""Datasets: the party's own files, registered once, read only against a permission.

Registering reads the file, normalises e-mail, telephone number and devices, resolves every row to a
person by the first two, and writes an index (`dataset_index.py`). `asked` says who is in a dataset
without reading a row. Everything else wants a `Permission` that the gate issued for this dataset:
first the use record in the consent ledger, then the rows.
"""

import dataclasses
import json
import re
import secrets
import shutil
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from types import MappingProxyType
from typing import TypeVar

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray
from pyroaring import BitMap, FrozenBitMap
from sqlmodel import Session, col, select

from party_node import dataset_index, durable_file
from party_node.clock import Clock, system_clock
from party_node.data_folders import may_show
from party_node.database import Database
from party_node.durable_file import named_if_full
from party_node.errors import (
    DatasetChanged,
    DatasetUnreadable,
    MissingColumn,
    PermissionRefused,
    UnknownDataset,
)
from party_node.home import Home
from party_node.identity import EMAIL, NOBODY, PHONE, Identity
from party_node.index_changes import newly_identified
from party_node.matchable import Matchable, held, matchable
from party_node.memory import bulk_work
from party_node.people_sets import are_among
from party_node.permission import Grant, Permission, require
from party_node.row_file import ROW, RowFile
from party_node.tables import DatasetRow
from protocols import identifiers
from protocols.errors import InvalidParameter

_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,62}")
Change = Callable[[pa.Table], pa.Table]
"""Takes an index and returns it changed."""
Told = Callable[[Session, BitMap], None]
"""Is told of people, in the caller's transaction."""
T = TypeVar("T")
Registered = Callable[[Session, str, BitMap], object]
"""Is told who is in a dataset now, in the caller's transaction."""
NO_DEVICES: Mapping[str, str] = MappingProxyType({})
_INDEX, _ASKED = "index.parquet", "asked.bitmap"


@dataclass(frozen=True, slots=True)
class DatasetReport:
    """What registering found; counts only."""

    dataset: str
    rows: int
    people: int
    new_people: int
    merged_duplicates: int
    """Rows beyond the first of the same person."""
    refused_emails: int
    refused_phones: int
    missing: int
    """Rows without any usable identifier: nobody is known to be meant, so they are never used."""
    ambiguous: int
    """Rows whose e-mail and number belong to different persons: withheld."""
    columns: tuple[str, ...]
    sha256: str
    erased: int = 0
    """Rows about persons who were erased here: never used."""
    refused_devices: dict[str, int] = field(default_factory=dict)
    """For each type of device identifier: values that are none."""
    identified: dict[str, int] = field(default_factory=dict)
    """For each type: people with a value that nobody else in the file has."""
    shared: dict[str, int] = field(default_factory=dict)
    """For each type: values that several people have. They identify nobody and are left out."""


@dataclass(frozen=True, slots=True)
class DatasetInfo:
    """A registered dataset, as lists show it."""

    dataset: str
    path: str
    key_column: str
    registered_ms: int
    report: DatasetReport


class Datasets:
    """The datasets of one node."""

    def __init__(
        self, db: Database, home: Home, identity: Identity, clock: Clock = system_clock
    ) -> None:
        self._db, self._home, self._identity, self._clock = db, home, identity, clock
        self._changing = threading.Lock()
        """Held while an index is made or changed: who is erased in between must not come back."""
        self.on_identified: list[Told] = []
        """Told, with the new index, of everybody who has an identifier that they had not."""
        self.on_registered: list[Registered] = []
        """Told, with the new index, of everybody who is in the dataset."""

    def register(
        self,
        dataset: str,
        path: Path,
        key_column: str,
        email_column: str | None,
        phone_column: str | None,
        region: str | None,
        devices: Mapping[str, str] = NO_DEVICES,
    ) -> DatasetReport:
        """Read a file, find out who is in it and keep an index; again, to take up a changed file.

        `region` (ISO 3166) reads numbers without a country code; `devices` names the column of each
        type of device identifier. Devices are matched on and nothing else: no row is resolved to a
        person by one.
        Raises: DatasetUnreadable, MissingColumn, DatasetChanged, DiskFull.
        """
        with bulk_work(), self._changing:
            return self._register(
                dataset, path, key_column, email_column, phone_column, region, devices
            )

    def _register(
        self,
        dataset: str,
        path: Path,
        key_column: str,
        email_column: str | None,
        phone_column: str | None,
        region: str | None,
        devices: Mapping[str, str],
    ) -> DatasetReport:
        if _NAME.fullmatch(dataset) is None:
            raise DatasetUnreadable(
                "this is no name for a dataset", hint="use lower-case letters, digits and hyphens"
            )
        if email_column is None and phone_column is None:
            raise MissingColumn("name the column of the e-mail address or of the telephone number")
        file = RowFile(path, may_show=may_show(path, self._home.settings.data_folders))
        sha256 = file.sha256()
        named = {EMAIL: email_column, PHONE: phone_column, **devices}
        wanted = [c for c in (key_column, *named.values()) if c is not None]
        table = file.read(list(dict.fromkeys(wanted)), as_text=True)
        read = {kind: _normalised(kind, table, column, region) for kind, column in named.items()}
        emails, phones = read[EMAIL], read[PHONE]
        columns = tuple(file.columns())
        if file.sha256() != sha256:
            raise DatasetChanged("the file changed while it was read")
        resolution = self._identity.resolve(emails.values, phones.values)
        values = {kind: column.values for kind, column in read.items()}
        index = dataset_index.make(table[ROW], table[key_column], resolution, values)
        asked, usable = dataset_index.people(index), int((resolution.dense != NOBODY).sum())
        found = held(index, [kind for kind, column in named.items() if column is not None])
        report = DatasetReport(
            dataset=dataset,
            rows=table.num_rows,
            people=len(asked),
            new_people=resolution.created,
            merged_duplicates=usable - len(asked),
            refused_emails=emails.refused,
            refused_phones=phones.refused,
            missing=resolution.missing,
            ambiguous=resolution.ambiguous,
            columns=columns,
            sha256=sha256,
            erased=len(resolution.suppressed),
            refused_devices={kind: read[kind].refused for kind in devices},
            identified=found.people,
            shared=found.shared,
        )
        self._keep(file, key_column, report, index, asked)
        return report

    def listed(self) -> list[DatasetInfo]:
        """Return every registered dataset by name."""
        with self._db.reading() as session:
            rows = session.exec(select(DatasetRow).order_by(col(DatasetRow.dataset))).all()
        return [_info(row) for row in rows]

    def info(self, dataset: str) -> DatasetInfo:
        """Return one dataset.

        Raises: UnknownDataset.
        """
        return _info(self._row(dataset))

    def index_id(self, dataset: str) -> str:
        """Return the name of the dataset's present registration.

        Raises: UnknownDataset.
        """
        return self._row(dataset).index_id

    def asked(self, dataset: str) -> BitMap:
        """Return the dense numbers of everybody in the dataset; no row is read.

        Raises: UnknownDataset.
        """
        row = self._row(dataset)
        return BitMap.deserialize((self._home.datasets / row.index_id / _ASKED).read_bytes())

    def items(
        self,
        permission: Permission,
        kinds: Sequence[str],
        among: BitMap | FrozenBitMap | None = None,
    ) -> Matchable:
        """Return all identifiers of these types that permitted people have, and nobody else.

        With `among`, only those of them: what several people have is left out all the same.
        Raises: PermissionRefused, PermissionExpired, DatasetChanged, UnknownDataset.
        """
        grant, _ = self._open(permission)
        if not kinds or not set(kinds) <= set(identifiers.KINDS):
            raise InvalidParameter("there is no such type of identifier")
        index = self._index(grant, [dataset_index.DENSE, dataset_index.HOLDER, *kinds])
        dense = index[dataset_index.DENSE].to_numpy()
        people = BitMap(grant.allowed) if among is None else BitMap(grant.allowed & among)
        return matchable(index, kinds, are_among(dense, people))

    def state_of(self, permission: Permission) -> str:
        """Return words for the index as it lies: while they stay, so do everybody's identifiers.

        Raises: as `items`.
        """
        grant, _ = self._open(permission)
        found = (self._home.datasets / grant.index_id / _INDEX).stat()
        return f"{grant.index_id}/{found.st_ino}/{found.st_size}/{found.st_mtime_ns}"

    def keys(self, permission: Permission, dense: Iterable[int]) -> list[str]:
        """Return the party's own row keys of these people, in the order of the file.

        Raises: PermissionRefused, also if one is not permitted; PermissionExpired, DatasetChanged.
        """
        grant, _ = self._open(permission)
        index = self._index(grant, ["key", "dense"])
        mask = are_among(index["dense"].to_numpy(), _within(grant, dense))
        return [str(key) for key in index["key"].filter(pa.array(mask)).to_pylist()]

    def rows(
        self, permission: Permission, dense: Iterable[int], columns: Sequence[str]
    ) -> pa.Table:
        """Return these columns of these people's rows, in the order of the file.

        Raises: MissingColumn; PermissionRefused, PermissionExpired, DatasetChanged.
        """
        grant, file = self._open(permission)
        index = self._index(grant, ["row", "dense"])
        mask = are_among(index["dense"].to_numpy(), _within(grant, dense))
        table = file.read(columns, as_text=False)
        # Again after reading: the file could have been exchanged between check and read.
        self._require_unchanged(self._row(grant.dataset), file)
        return table.take(index["row"].filter(pa.array(mask))).select(list(columns))

    def over_rows(
        self, permission: Permission, work: Callable[[RowFile, NDArray[np.int64]], T]
    ) -> T:
        """Return what `work` makes of the file and of whom each of its rows is about: the dense
        number of a permitted person, NOBODY in every other row.

        Raises: PermissionRefused, PermissionExpired, DatasetChanged; whatever `work` raises.
        """
        grant, file = self._open(permission)
        index = self._index(grant, [dataset_index.ROW, dataset_index.DENSE])
        rows, dense = index[dataset_index.ROW].to_numpy(), index[dataset_index.DENSE].to_numpy()
        people = np.full(int(rows.max()) + 1 if len(rows) else 0, NOBODY, np.int64)
        people[rows] = np.where(are_among(dense, BitMap(grant.allowed)), dense, NOBODY)
        made = work(file, people)
        # Again after reading: the file could have been exchanged between check and read.
        self._require_unchanged(self._row(grant.dataset), file)
        return made

    def over_index(
        self,
        permission: Permission,
        columns: Sequence[str],
        work: Callable[[pa.Table, NDArray[np.bool_]], T],
    ) -> T:
        """Return what `work` makes of these columns of the index, and of which of its rows are
        about permitted people.

        Raises: PermissionRefused, PermissionExpired, DatasetChanged; whatever `work` raises.
        """
        grant, _ = self._open(permission)
        index = self._index(grant, [dataset_index.DENSE, *columns])
        return work(index, are_among(index[dataset_index.DENSE].to_numpy(), BitMap(grant.allowed)))

    def people_of(self, dataset: str, keys: Sequence[str]) -> BitMap:
        """Return the persons that these row keys belong to; unknown keys are left out.

        Raises: UnknownDataset.
        """
        return self.people_and_unknown(dataset, keys)[0]

    def people_and_unknown(self, dataset: str, keys: Sequence[str]) -> tuple[BitMap, int]:
        """Return the persons that these row keys belong to, and how many of the keys no row has.

        Raises: UnknownDataset.
        """
        with pq.ParquetFile(self._home.datasets / self.index_id(dataset) / _INDEX) as file:
            index = file.read(columns=["key", "dense"], use_threads=False)
        asked = pc.unique(pa.array(keys, index["key"].type))
        dense = index["dense"].filter(pc.is_in(index["key"], value_set=asked)).to_numpy()
        known = pc.sum(pc.is_in(asked, value_set=index["key"])).as_py() or 0
        return BitMap(dense[dense != NOBODY].astype(np.uint32)), len(asked) - known

    def forget(self, dense: int) -> None:
        """Take a person out of every index, for erasure; the registered files stay as they are.

        Again changes nothing. Raises: DiskFull.
        """
        self._rewrite(dense, partial(dataset_index.without, dense))

    def reassign(self, dense: int, to: int) -> None:
        """Let the rows of one person be those of another, whose record was merged with theirs.

        Again changes nothing. Raises: DiskFull.
        """
        if dense != to:
            # Before, should this process die in between; after, for whoever asked in between.
            self._tell(BitMap([to]))
            self._rewrite(dense, partial(dataset_index.as_of, dense, to))
            self._tell(BitMap([to]))
            now = {info.dataset: self.asked(info.dataset) for info in self.listed()}
            with self._db.writing() as session:
                for dataset, asked in now.items():
                    self._tell_registered(session, dataset, asked)

    def clear_away(self) -> None:
        """Remove the indexes that no registration knows: a process died while it changed one.

        To be called at the start: they name people, and no erasure looks into them.
        """
        with self._changing:
            with self._db.reading() as session:
                known = set(session.exec(select(DatasetRow.index_id)).all())
            for folder in self._home.datasets.iterdir():
                if folder.name not in known:
                    shutil.rmtree(folder, ignore_errors=True)

    # -- inside ------------------------------------------------------------------------------------

    def _rewrite(self, dense: int, change: Change) -> None:
        """Change a person's rows in every index that has some."""
        with self._changing:
            self._rewrite_each(dense, change)

    def _rewrite_each(self, dense: int, change: Change) -> None:
        for info in self.listed():
            folder = self._home.datasets / self.index_id(info.dataset)
            with pq.ParquetFile(folder / _INDEX) as file:
                index = file.read(use_threads=False)
            asked = BitMap.deserialize((folder / _ASKED).read_bytes())
            if dense in asked or dataset_index.speaks_of(index, dense):
                changed = change(index)
                asked = dataset_index.people(changed)
                durable_file.replace(folder / _INDEX, partial(_write_index, changed))
                durable_file.replace(folder / _ASKED, partial(_write_asked, asked))

    def _open(self, permission: Permission) -> tuple[Grant, RowFile]:
        grant = require(permission, self._clock())
        row = self._row(grant.dataset)
        if row.index_id != grant.index_id:
            raise DatasetChanged("the dataset was registered again after permission was given")
        file = RowFile(Path(row.path))
        self._require_unchanged(row, file)
        return grant, file

    def _require_unchanged(self, row: DatasetRow, file: RowFile) -> None:
        if file.sha256() != row.sha256:
            raise DatasetChanged

    def _index(self, grant: Grant, columns: list[str]) -> pa.Table:
        # Not `read_table`: that loads a general engine, 30 MiB of it, to read one file.
        with pq.ParquetFile(self._home.datasets / grant.index_id / _INDEX) as file:
            # What was registered before a column was kept has none.
            there = [name for name in columns if name in file.schema_arrow.names]
            return file.read(columns=there, use_threads=False)

    def _row(self, dataset: str) -> DatasetRow:
        with self._db.reading() as session:
            row = session.get(DatasetRow, dataset)
        if row is None:
            raise UnknownDataset(f"no dataset is called {dataset!r}")
        return row

    def _keep(
        self, file: RowFile, key_column: str, report: DatasetReport, index: pa.Table, asked: BitMap
    ) -> None:
        index_id = secrets.token_hex(16)
        folder = self._home.datasets / index_id
        try:
            with named_if_full():
                folder.mkdir(mode=0o700)
                durable_file.replace(folder / _INDEX, partial(_write_index, index))
                durable_file.replace(folder / _ASKED, partial(_write_asked, asked))
                durable_file.sync(folder.parent)
            come = self._come(report, index)
            old_index = self._store(file, key_column, report, index_id, come, asked)
        except BaseException:
            shutil.rmtree(folder, ignore_errors=True)
            raise
        if old_index is not None:
            shutil.rmtree(self._home.datasets / old_index, ignore_errors=True)

    def _come(self, report: DatasetReport, index: pa.Table) -> BitMap:
        """Return who has an identifier that the dataset's present index has not."""
        with self._db.reading() as session:
            row = session.get(DatasetRow, report.dataset)
        if row is None:
            return BitMap()
        with pq.ParquetFile(self._home.datasets / row.index_id / _INDEX) as file:
            return newly_identified(file.read(use_threads=False), index)

    def _tell(self, come: BitMap) -> None:
        with self._db.writing() as session:
            for told in self.on_identified:
                told(session, come)

    def _store(
        self,
        file: RowFile,
        key_column: str,
        report: DatasetReport,
        index_id: str,
        come: BitMap,
        asked: BitMap,
    ) -> str | None:
        """Let a new index be the dataset's; return the one that it replaces."""
        row = DatasetRow(
            dataset=report.dataset,
            path=str(file.path),
            sha256=report.sha256,
            index_id=index_id,
            key_column=key_column,
            columns=json.dumps(report.columns),
            report=json.dumps(dataclasses.asdict(report)),
            registered_ms=self._clock(),
        )
        with self._db.writing() as session:
            old = session.get(DatasetRow, report.dataset)
            old_index = None if old is None else old.index_id
            session.merge(row)
            for told in self.on_identified:
                told(session, come)
            self._tell_registered(session, report.dataset, asked)
        return old_index

    def _tell_registered(self, session: Session, dataset: str, asked: BitMap) -> None:
        for registered in self.on_registered:
            registered(session, dataset, asked)


def _write_asked(asked: BitMap, path: Path) -> None:
    path.write_bytes(asked.serialize())


def _write_index(index: pa.Table, path: Path) -> None:
    pq.write_table(index, path, compression="zstd")


def _normalised(
    kind: str, table: pa.Table, column: str | None, region: str | None
) -> identifiers.Normalised:
    if column is None:
        return identifiers.Normalised([None] * table.num_rows, 0, table.num_rows)
    return identifiers.normalise_column(kind, table[column].to_pylist(), region)


def _within(grant: Grant, dense: Iterable[int]) -> BitMap:
    people = BitMap(dense)
    if not people <= BitMap(grant.allowed):
        raise PermissionRefused("some of these people are not in the permission")
    return people


def _info(row: DatasetRow) -> DatasetInfo:
    fields = json.loads(row.report)
    report = DatasetReport(**{**fields, "columns": tuple(fields["columns"])})
    return DatasetInfo(row.dataset, row.path, row.key_column, row.registered_ms, report)
