"""Datasets: the party's own files, registered once, read only against a permission.

Registering reads the file, normalises e-mail, telephone number and devices, resolves every row to a
person by the first two, and writes an index (`dataset_index.py`). `asked` says who is in a dataset
without reading a row. Everything else wants a `Permission` that the gate issued for this dataset:
first the use record in the consent ledger, then the rows.
"""

import json
import re
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from pathlib import Path
from types import MappingProxyType
from typing import TypeVar

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray
from pyroaring import BitMap, FrozenBitMap
from sqlmodel import Session, col, select

from party_node import dataset_index
from party_node.clock import Clock, system_clock
from party_node.data_folders import may_show
from party_node.database import Database
from party_node.dataset_reading import read_file
from party_node.dataset_reports import DatasetInfo, DatasetReport
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
from party_node.index_folders import Change, IndexFolders
from party_node.matchable import Matchable, matchable
from party_node.memory import bulk_work
from party_node.people_sets import are_among
from party_node.permission import Grant, Permission, require
from party_node.row_file import RowFile
from party_node.tables import DatasetRow
from protocols import identifiers
from protocols.errors import InvalidParameter

_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,62}")
Told = Callable[[Session, BitMap], None]
"""Is told of people, in the caller's transaction."""
T = TypeVar("T")
Registered = Callable[[Session, str, BitMap], object]
"""Is told who is in a dataset now, in the caller's transaction."""
NO_DEVICES: Mapping[str, str] = MappingProxyType({})


class Datasets:
    """The datasets of one node."""

    def __init__(
        self, db: Database, home: Home, identity: Identity, clock: Clock = system_clock
    ) -> None:
        self._db, self._home, self._identity, self._clock = db, home, identity, clock
        self._indexes = IndexFolders(home.datasets)
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
        named = {EMAIL: email_column, PHONE: phone_column, **devices}
        report, index = read_file(dataset, file, key_column, named, region, self._identity)
        self._keep(file, key_column, report, index)
        return report

    def listed(self) -> list[DatasetInfo]:
        """Return every registered dataset by name."""
        with self._db.reading() as session:
            rows = session.exec(select(DatasetRow).order_by(col(DatasetRow.dataset))).all()
        return [DatasetInfo.of(row) for row in rows]

    def info(self, dataset: str) -> DatasetInfo:
        """Return one dataset.

        Raises: UnknownDataset.
        """
        return DatasetInfo.of(self._row(dataset))

    def index_id(self, dataset: str) -> str:
        """Return the name of the dataset's present registration.

        Raises: UnknownDataset.
        """
        return self._row(dataset).index_id

    def asked(self, dataset: str) -> BitMap:
        """Return the dense numbers of everybody in the dataset; no row is read.

        Raises: UnknownDataset.
        """
        return self._indexes.asked(self.index_id(dataset))

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
        columns = [dataset_index.DENSE, dataset_index.HOLDER, *kinds]
        index = self._indexes.index(grant.index_id, columns)
        dense = index[dataset_index.DENSE].to_numpy()
        people = BitMap(grant.allowed) if among is None else BitMap(grant.allowed & among)
        return matchable(index, kinds, are_among(dense, people))

    def state_of(self, permission: Permission) -> str:
        """Return words for the index as it lies: while they stay, so do everybody's identifiers.

        Raises: as `items`.
        """
        grant, _ = self._open(permission)
        return self._indexes.state_of(grant.index_id)

    def keys(self, permission: Permission, dense: Iterable[int]) -> list[str]:
        """Return the party's own row keys of these people, in the order of the file.

        Raises: PermissionRefused, also if one is not permitted; PermissionExpired, DatasetChanged.
        """
        grant, _ = self._open(permission)
        index = self._indexes.index(grant.index_id, ["key", "dense"])
        mask = are_among(index["dense"].to_numpy(), _within(grant, dense))
        return [str(key) for key in index["key"].filter(pa.array(mask)).to_pylist()]

    def rows(
        self, permission: Permission, dense: Iterable[int], columns: Sequence[str]
    ) -> pa.Table:
        """Return these columns of these people's rows, in the order of the file.

        Raises: MissingColumn; PermissionRefused, PermissionExpired, DatasetChanged.
        """
        grant, file = self._open(permission)
        index = self._indexes.index(grant.index_id, ["row", "dense"])
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
        index = self._indexes.index(grant.index_id, [dataset_index.ROW, dataset_index.DENSE])
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
        index = self._indexes.index(grant.index_id, [dataset_index.DENSE, *columns])
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
        index = self._indexes.index(self.index_id(dataset), ["key", "dense"])
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
            self._indexes.drop_all_but(known)

    # -- inside ------------------------------------------------------------------------------------

    def _rewrite(self, dense: int, change: Change) -> None:
        """Change a person's rows in every index that has some."""
        with self._changing:
            for info in self.listed():
                self._indexes.rewrite(self.index_id(info.dataset), dense, change)

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

    def _row(self, dataset: str) -> DatasetRow:
        with self._db.reading() as session:
            row = session.get(DatasetRow, dataset)
        if row is None:
            raise UnknownDataset(f"no dataset is called {dataset!r}")
        return row

    def _keep(self, file: RowFile, key_column: str, report: DatasetReport, index: pa.Table) -> None:
        asked = dataset_index.people(index)
        index_id = self._indexes.keep(index, asked)
        try:
            come = self._come(report, index)
            old_index = self._store(file, key_column, report, index_id, come, asked)
        except BaseException:
            self._indexes.drop(index_id)
            raise
        if old_index is not None:
            self._indexes.drop(old_index)

    def _come(self, report: DatasetReport, index: pa.Table) -> BitMap:
        """Return who has an identifier that the dataset's present index has not."""
        with self._db.reading() as session:
            row = session.get(DatasetRow, report.dataset)
        if row is None:
            return BitMap()
        return newly_identified(self._indexes.index(row.index_id), index)

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
            report=report.stored(),
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


def _within(grant: Grant, dense: Iterable[int]) -> BitMap:
    people = BitMap(dense)
    if not people <= BitMap(grant.allowed):
        raise PermissionRefused("some of these people are not in the permission")
    return people
