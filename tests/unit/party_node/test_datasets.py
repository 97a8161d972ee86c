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
from protocols.errors import InvalidParameter
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


def held(node, allowed, *kinds):
    """Return what permitted people bring: person, type and digest of each identifier."""
    found = node.datasets.items(permission(node, allowed), kinds)
    assert found.digests.shape == (len(found.people), 32)
    kind = [found.kinds[position] for position in found.kind]
    return list(zip(found.people.tolist(), kind, map(bytes, found.digests), strict=True))


def item(person, kind, value):
    return person, kind, identifiers.digest(kind, value)


def test_items_are_the_identifiers_of_permitted_people(node, people):
    anna, bo = item(ANNA, "email", "anna@x.example"), item(BO, "email", "bo@x.example")
    assert held(node, [ANNA, BO], "email") == [anna, bo]
    assert held(node, [ANNA], "email") == [anna]
    assert held(node, [], "email", "phone") == []
    assert node.datasets.keys(permission(node, []), []) == []


def test_a_person_brings_several_values_of_a_type_each_once(node, tmp_path):
    lines = (
        "k1,one@x.example,020 7946 0002,",
        "k2,one@x.example,020 7946 0001,",
        "k3,ONE@x.example,+44 20 7946 0002,",
    )
    report = register(node, write_csv(tmp_path / "p.csv", HEADER, *lines))
    assert held(node, [0], "phone", "email") == [
        item(0, "phone", "+442079460002"),
        item(0, "phone", "+442079460001"),
        item(0, "email", "one@x.example"),
    ]
    assert (report.identified, report.shared) == (
        {"email": 1, "phone": 1},
        {"email": 0, "phone": 0},
    )


def test_a_number_beside_somebody_elses_address_identifies_nobody(node, people):
    """Row c7 says that Bo has the number too, so it is not Anna's alone."""
    assert held(node, [ANNA, BO], "phone") == []
    assert held(node, [ANNA, BO], "phone", "email") == held(node, [ANNA, BO], "email")
    assert people.shared == {"email": 0, "phone": 1}
    assert people.identified == {"email": 2, "phone": 0}
    assert node.datasets.items(permission(node, [ANNA]), ("phone", "email")).shared == (1, 0)


@pytest.mark.parametrize("allowed", [[ANNA], [BO], [ANNA, BO]])
def test_what_is_shared_is_left_out_also_where_the_other_has_not_consented(node, tmp_path, allowed):
    """Else one person's consent would speak for another."""
    register_devices(node, tmp_path)
    found = held(node, allowed, "idfa", "imei")
    assert found == [item(ANNA, "imei", "490154203237518")] * (ANNA in allowed)


UUID = "6d92078a-8246-4ba4-ae5b-76104861e7dc"
DEVICES = (
    f"c1,anna@x.example,{UUID},490154203237518",
    f"c2,bo@x.example,{UUID.upper()},490154203237517",  # Anna's device; a wrong check digit
    "c3,cy@x.example,00000000-0000-0000-0000-000000000000,",
    ",,6d92078a-8246-4ba4-ae5b-76104861e7dd,",  # nobody: no address
)


def register_devices(node, tmp_path, *more):
    path = write_csv(tmp_path / "d.csv", "customer,mail,apple,imei", *DEVICES, *more)
    devices = {"idfa": "apple", "imei": "imei"}
    return register(node, path, phone_column=None, devices=devices)


def test_devices_are_read_counted_and_make_no_person(node, tmp_path):
    report = register_devices(node, tmp_path)
    assert (report.people, report.missing) == (3, 1)
    assert report.refused_devices == {"idfa": 1, "imei": 1}
    assert report.identified == {"email": 3, "idfa": 0, "imei": 1}
    assert report.shared == {"email": 0, "idfa": 1, "imei": 0}
    assert node.datasets.info("people").report == report
    assert held(node, [2], "email", "idfa") == [item(2, "email", "cy@x.example")]


def test_a_type_that_the_file_has_no_column_for_brings_nothing(node, people):
    assert held(node, [ANNA], "gaid", "email") == held(node, [ANNA], "email")


def test_an_unknown_type_is_refused(node, people):
    for kinds in (("passport",), (), ("email", "dense")):
        with pytest.raises(InvalidParameter):
            node.datasets.items(permission(node, [ANNA]), kinds)


def index_of(node):
    return pq.read_table(node.home.datasets / node.datasets.index_id("people") / "index.parquet")


def test_nothing_of_an_erased_person_stays_in_the_index(node, people, tmp_path):
    """Not even in a row that is used for nobody, or where somebody else has the same."""
    register_devices(node, tmp_path)
    node.datasets.forget(ANNA)
    text = str(index_of(node).to_pydict())
    for gone in ("anna@x.example", UUID.upper(), "490154203237518", "c1"):
        assert gone not in text
    assert held(node, [BO], "email", "idfa") == [item(BO, "email", "bo@x.example")]


def test_the_address_in_a_row_that_fits_two_people_goes_with_its_person(node, people):
    node.datasets.forget(BO)
    text = str(index_of(node).to_pydict())
    assert "bo@x.example" not in text
    assert "anna@x.example" in text


def test_after_a_merge_what_both_had_is_one_persons(node, tmp_path):
    register_devices(node, tmp_path)
    node.datasets.reassign(BO, ANNA)
    assert held(node, [ANNA], "idfa", "email") == [
        item(ANNA, "idfa", UUID.upper()),
        item(ANNA, "email", "anna@x.example"),
        item(ANNA, "email", "bo@x.example"),
    ]


def test_an_index_from_before_devices_were_kept_still_works(node, people):
    file = node.home.datasets / node.datasets.index_id("people") / "index.parquet"
    pq.write_table(index_of(node).drop_columns(["holder"]), file)
    assert held(node, [ANNA], "phone", "idfa") == [item(ANNA, "phone", "+442079460001")]
    node.datasets.reassign(BO, ANNA)
    node.datasets.forget(ANNA)
    assert "@" not in str(index_of(node).filter([True] * 6 + [False] * 2).to_pydict())


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
    yield lambda: node.datasets.items(given, ("email",))
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
