"""Datasets: what registering counts, and that rows come out only against a permission."""

import hashlib
import itertools

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pyroaring import BitMap, FrozenBitMap

from party_node.errors import (
    DatasetChanged,
    DatasetUnreadable,
    MissingColumn,
    PermissionExpired,
    PermissionRefused,
    UnknownDataset,
)
from party_node.permission import Grant, _issue
from party_node.row_file import ROW, RowFile
from protocols import identifiers
from protocols.job import LedgerHead
from tests.support.node import open_storage, write_csv

HEADER = "customer,mail,tel,city"
LINES = (
    "c1,Anna@X.example,020 7946 0001,London",
    "c2,bo@x.example,,Leeds",
    "c3,anna@x.example,,York",  # Anna again
    "c4,,020 7946 0001,Hull",  # Anna again, by her number
    "c5,no address,,Bath",
    "c6,,,Ely",
    "c7,bo@x.example,+44 20 7946 0001,Deal",  # Bo's address, Anna's number
    "c8,,0207,Rye",
)
ANNA, BO = 0, 1


@pytest.fixture
def node(tmp_path):
    return open_storage(tmp_path)


@pytest.fixture
def people(node, tmp_path):
    path = write_csv(tmp_path / "people.csv", HEADER, *LINES)
    return register(node, path)


def register(node, path, **changes):
    values = {"key_column": "customer", "email_column": "mail", "phone_column": "tel"}
    return node.datasets.register("people", path, **{**values, **changes}, region="GB")


def permission(node, allowed, **changes):
    values = {
        "job": "j", "job_hash": b"h", "dataset": "people",
        "index_id": node.datasets.index_id("people"), "purpose": "p", "recipient": "r",
        "operations": ("psi",), "channel": "*", "requester": "q", "asked": 2, "denied": {},
        "allowed": FrozenBitMap(allowed), "head": LedgerHead("o", 1, b"r" * 32, b"u" * 32),
        "decided_at": 0, "use_entry": 0, "expires_ms": node.clock.now_ms + 1000,
    }  # fmt: skip
    return _issue(Grant(**{**values, **changes}))


def test_registering_counts_everything(people):
    assert (people.rows, people.people, people.new_people) == (8, 2, 2)
    assert (people.merged_duplicates, people.missing, people.ambiguous) == (2, 3, 1)
    assert (people.refused_emails, people.refused_phones) == (1, 1)
    assert people.columns == ("customer", "mail", "tel", "city")
    assert people.rows == (
        people.people + people.merged_duplicates + people.missing + people.ambiguous
    )


def test_asked_says_who_is_there_without_reading_a_row(node, people, tmp_path):
    (tmp_path / "people.csv").unlink()
    assert node.datasets.asked("people") == BitMap([ANNA, BO])
    with pytest.raises(UnknownDataset):
        node.datasets.asked("other")


def test_items_are_one_digest_for_each_permitted_person(node, people):
    dense, digests = node.datasets.items(permission(node, [ANNA, BO]), "email")
    assert dense.tolist() == [ANNA, BO]
    assert dense.dtype == np.uint32
    assert digests.shape == (2, 32)
    assert bytes(digests[1]) == identifiers.digest("email", "bo@x.example")
    only, _ = node.datasets.items(permission(node, [ANNA]), "email")
    assert only.tolist() == [ANNA]
    by_phone, _ = node.datasets.items(permission(node, [ANNA, BO]), "phone")
    assert by_phone.tolist() == [ANNA]
    assert node.datasets.extra_values(permission(node, [ANNA]), "email") == 1


def test_nobody_permitted_means_empty_arrays(node, people):
    dense, digests = node.datasets.items(permission(node, []), "email")
    assert (dense.shape, digests.shape) == ((0,), (0, 32))
    assert node.datasets.keys(permission(node, []), []) == []


def test_the_first_row_of_a_person_wins(node, tmp_path):
    lines = ("k1,one@x.example,020 7946 0001,", "k2,one@x.example,020 7946 0002,")
    register(node, write_csv(tmp_path / "p.csv", HEADER, *lines))
    _, digests = node.datasets.items(permission(node, [0]), "phone")
    assert bytes(digests[0]) == identifiers.digest("phone", "+442079460001")
    assert node.datasets.extra_values(permission(node, [0]), "phone") == 1


def test_keys_and_rows_are_those_of_the_people_asked_for(node, people):
    allowed = permission(node, [ANNA, BO])
    assert node.datasets.keys(allowed, [ANNA]) == ["c1", "c3", "c4"]
    assert node.datasets.keys(allowed, np.array([BO], np.uint32)) == ["c2"]
    rows = node.datasets.rows(allowed, [ANNA], ["city", "customer"])
    assert rows.column_names == ["city", "customer"]
    assert rows["city"].to_pylist() == ["London", "York", "Hull"]
    with pytest.raises(MissingColumn):
        node.datasets.rows(allowed, [ANNA], ["street"])


def test_people_outside_the_permission_are_refused(node, people):
    narrow = permission(node, [BO])
    with pytest.raises(PermissionRefused):
        node.datasets.keys(narrow, [ANNA])
    with pytest.raises(PermissionRefused):
        node.datasets.rows(narrow, [ANNA, BO], ["city"])


def calls(node, given):
    yield lambda: node.datasets.items(given, "email")
    yield lambda: node.datasets.keys(given, [])
    yield lambda: node.datasets.rows(given, [], ["city"])


def test_an_expired_permission_reads_nothing(node, people):
    given = permission(node, [ANNA])
    node.clock.advance(1000)
    for call in calls(node, given):
        with pytest.raises(PermissionExpired):
            call()


def test_what_is_no_permission_reads_nothing(node, people):
    for fake, number in itertools.product((None, object(), permission(node, []).grant), range(3)):
        with pytest.raises(PermissionRefused):
            list(calls(node, fake))[number]()


def test_a_changed_file_is_refused_until_it_is_registered_again(node, people, tmp_path):
    given = permission(node, [ANNA])
    with (tmp_path / "people.csv").open("a") as file:
        file.write("c9,new@x.example,,\n")
    for call in calls(node, given):
        with pytest.raises(DatasetChanged) as caught:
            call()
        assert "register" in caught.value.hint
    again = register(node, tmp_path / "people.csv")
    assert (again.people, again.new_people) == (3, 1)
    for call in calls(node, given):
        with pytest.raises(DatasetChanged):
            call()
    assert node.datasets.keys(permission(node, [2]), [2]) == ["c9"]
    assert len(list(node.home.datasets.iterdir())) == 1, "the old index is gone"


def test_parquet_keeps_its_types(node, tmp_path):
    table = pa.table({"customer": [1, 2], "mail": ["a@x.example", None], "spent": [1.5, 2.5]})
    pq.write_table(table, tmp_path / "p.parquet")
    report = register(node, tmp_path / "p.parquet", phone_column=None)
    assert (report.rows, report.people, report.missing) == (2, 1, 1)
    rows = node.datasets.rows(permission(node, [0]), [0], ["spent"])
    assert rows["spent"].to_pylist() == [1.5]
    assert node.datasets.keys(permission(node, [0]), [0]) == ["1"]


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_the_header_line_says_which_delimiter_is_used(node, tmp_path, delimiter):
    lines = [HEADER, 'c1,anna@x.example,,"a b"', "c2,bo@x.example,,# no comment"]
    content = "\ufeff" + "\r\n".join(lines).replace(",", delimiter) + "\r\n"
    (tmp_path / "p.csv").write_bytes(content.encode())
    assert register(node, tmp_path / "p.csv").people == 2
    rows = node.datasets.rows(permission(node, [0, 1]), [0, 1], ["city"])
    assert rows["city"].to_pylist() == ["a b", "# no comment"]


def test_lists_show_what_registering_found(node, people, tmp_path):
    (info,) = node.datasets.listed()
    assert info == node.datasets.info("people")
    assert info.report == people
    assert info.path == str(tmp_path / "people.csv")
    content = (tmp_path / "people.csv").read_bytes()
    assert people.sha256 == hashlib.sha256(content).hexdigest()


BAD_FILES = {
    "ragged": ("p.csv", b"customer,mail,tel,city\nc1,secret@x.example,,x\nc2,a,b,c,d,e,f\n"),
    "two names alike": ("p.csv", b"customer,mail,tel,TEL\nc1,secret@x.example,,x\n"),
    "no name": ("p.csv", b"customer,mail,tel,\nc1,secret@x.example,,x\n"),
    "no header": ("p.csv", b""),
    "short row": ("p.csv", b"customer,mail,tel,city\nc1,secret@x.example\n"),
    "open quote": ("p.csv", b'customer,mail,tel,city\nc1,"secret@x.example,,x\n'),
    "not utf-8": ("p.csv", b"customer,mail,tel,city\nc1,caf\xe9@x.example,,x\n"),
    "no parquet": ("p.parquet", b"PAR1 secret@x.example"),
    "another kind": ("p.xlsx", b"x"),
    "glob": ("p*.csv", b"customer,mail,tel,city\n"),
}


@pytest.mark.parametrize("what", BAD_FILES)
def test_bad_files_are_refused_without_quoting_them(node, tmp_path, what):
    name, content = BAD_FILES[what]
    (tmp_path / name).write_bytes(content)
    with pytest.raises(DatasetUnreadable) as caught:
        register(node, tmp_path / name)
    assert "@" not in str(caught.value)
    assert caught.value.hint
    assert node.identity.count() == 0
    assert node.datasets.listed() == []


def test_a_missing_file_column_and_name_are_said_so(node, tmp_path):
    path = write_csv(tmp_path / "p.csv", HEADER, *LINES)
    with pytest.raises(DatasetUnreadable):
        register(node, tmp_path / "none.csv")
    with pytest.raises(MissingColumn, match="email"):
        register(node, path, email_column="email")
    with pytest.raises(MissingColumn):
        register(node, path, email_column=None, phone_column=None)
    with pytest.raises(DatasetUnreadable):
        node.datasets.register("../x", path, "customer", "mail", None, "GB")


def test_an_empty_file_has_nobody(node, tmp_path):
    report = register(node, write_csv(tmp_path / "p.csv", HEADER))
    assert (report.rows, report.people) == (0, 0)
    assert node.datasets.asked("people") == BitMap()


def test_the_engine_opens_this_one_file_and_nothing_else(node, tmp_path):
    path = write_csv(tmp_path / "it's.csv", HEADER, *LINES)
    other = write_csv(tmp_path / "other.csv", HEADER, *LINES)
    file = RowFile(path)
    assert file.read(["city"], as_text=True)[ROW].to_pylist() == list(range(8))
    for query in (
        f"SELECT * FROM read_csv('{other}')",
        f"SELECT * FROM read_text('{node.home.path / 'token'}')",
        f"COPY (SELECT 1) TO '{tmp_path / 'out.csv'}'",
        "SET enable_external_access = true",
        "INSTALL httpfs",
        "ATTACH 'x.db'",
    ):
        with pytest.raises(DatasetUnreadable), file._engine() as engine:
            engine.execute(query)
    assert issubclass(duckdb.PermissionException, duckdb.Error)
