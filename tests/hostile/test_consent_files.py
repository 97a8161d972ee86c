"""Consent files made to break the reader: each ends in refused rows or a refused file, never else.

Whatever the bytes, a row of an attacker is at most refused; what a person typed into a cell never
becomes a row; and no message repeats a value.
"""

import gzip
import io
import os
import tempfile
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from party_node.capture import unpack
from party_node.capture.batches import Batch
from party_node.capture.csv_records import MAX_CELL, Records
from party_node.capture.errors import ImportUnreadable
from party_node.capture.refusals import Refusal
from party_node.capture.unpack import MAX_RATIO, MAX_ROW
from party_node.errors import MissingColumn, NodeError
from tests.support.consent_files import GOOD, HEADER, json_line, line, read, reasons, table
from tests.support.depth import examples

FORGED = line(source_event_id="forged", email="victim@x.example")


def look(tmp_path: Path, content: bytes | str, name: str = "c.csv") -> Batch:
    path = tmp_path / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return read(path)


# -- CSV -------------------------------------------------------------------------------------------


def test_nul_bytes_are_refused_by_row(tmp_path: Path) -> None:
    rows = [line(source_event_id="a\0b"), line(email="a\0@x.example"), line(recipient="\0")]
    batch = look(tmp_path, table(*rows, line()))
    assert reasons(batch) == [(2, "bad-event-id"), (3, "refused-identifier"), (4, "bad-recipient")]
    assert batch.ids == ["e1"]
    with pytest.raises(MissingColumn):
        look(tmp_path, b"\0" * 5000)


def test_a_huge_cell_is_refused_and_the_next_row_is_read(tmp_path: Path) -> None:
    for size in (MAX_CELL + 1, MAX_ROW + 1, 3 * MAX_ROW):
        batch = look(tmp_path, table(line(notice="n" * size), line()))
        assert reasons(batch) == [(2, "too-large")], size
        assert (batch.ids, batch.lines) == (["e1"], [3])


def test_rows_inside_of_a_huge_quoted_cell_are_no_rows(tmp_path: Path) -> None:
    """Somebody typed lines that look like rows into a comment field."""
    for filler in ("x" * MAX_CELL, "x\n" * MAX_CELL, '""' * MAX_CELL, "x" * (2 * MAX_ROW)):
        cell = f'"{filler}\n{FORGED}\n{FORGED}"'
        batch = look(tmp_path, table(line(notice=cell), line()))
        assert reasons(batch) == [(2, "too-large")]
        assert batch.ids == ["e1"]
        assert batch.lines == [table(line(notice=cell), line()).count("\n")]


def test_rows_after_a_quotation_mark_that_is_never_closed_are_no_rows(tmp_path: Path) -> None:
    for filler in ("", "x\n" * MAX_CELL):
        content = table(line(), line(notice=f'"{filler}')) + f"{FORGED}\n" * 3
        batch = look(tmp_path, content)
        assert reasons(batch) == [(3, "open-quote")]
        assert batch.ids == ["e1"]


def test_a_cell_that_closes_early_spoils_its_row_only(tmp_path: Path) -> None:
    batch = look(tmp_path, table(line(notice='"said "hi" to me"'), line()))
    assert reasons(batch) == [(2, "malformed-row")]
    assert batch.ids == ["e1"]


def test_a_row_of_a_million_cells(tmp_path: Path) -> None:
    batch = look(tmp_path, table("," * (MAX_ROW - 2), "," * (2 * MAX_ROW), line()))
    assert reasons(batch) == [(2, "malformed-row"), (3, "too-large")]
    assert batch.ids == ["e1"]


def test_a_header_that_is_too_long(tmp_path: Path) -> None:
    with pytest.raises(ImportUnreadable, match="header line is not CSV"):
        look(tmp_path, HEADER + ",x" * MAX_ROW + "\n" + line())


def test_a_file_without_any_line_end_is_not_held_in_memory(tmp_path: Path) -> None:
    """The longest piece that is ever asked for is one row's worth."""
    path = tmp_path / "c.csv"
    path.write_text(HEADER + "\n" + "x" * (5 * MAX_ROW))
    opened = unpack.OpenedFile(path, unpack.FileForm())
    assert max(len(piece) for piece in opened.lines()) == MAX_ROW
    opened.close()
    assert reasons(read(path)) == [(2, "too-large")]


def test_line_numbers_go_on_after_what_was_dropped(tmp_path: Path) -> None:
    huge = "x" * (2 * MAX_ROW)
    lines = list(Records(pieces(f"a\n{huge}\nb\n{huge}\r\nc\n"), ","))
    assert lines == [
        (1, ["a"]),
        (2, Refusal.TOO_LARGE),
        (3, ["b"]),
        (4, Refusal.TOO_LARGE),
        (5, ["c"]),
    ]


def pieces(text: str):
    source = io.StringIO(text, newline="")
    return iter(lambda: source.readline(MAX_ROW), "")


def test_other_line_ends(tmp_path: Path) -> None:
    for end in ("\r\n", "\r"):
        batch = look(tmp_path, table(line(), line(purpose="spam")).replace("\n", end))
        assert (batch.ids, reasons(batch)) == (["e1"], [(3, "unknown-purpose")])


def test_a_formula_is_text(tmp_path: Path) -> None:
    batch = look(tmp_path, table(line(source_event_id="=cmd|'/c calc'!A0")))
    assert batch.ids == ["=cmd|'/c calc'!A0"]


# -- JSON ------------------------------------------------------------------------------------------


def test_deeply_nested_json_is_refused_by_row(tmp_path: Path) -> None:
    deep = "[" * 100_000 + "]" * 100_000
    nested = '{"a":' * 100_000 + "1" + "}" * 100_000
    lines = [deep, nested, json_line()[:-1] + f', "x": {deep}}}', json_line()]
    batch = look(tmp_path, "\n".join(lines), "c.jsonl")
    assert reasons(batch) == [(n, "malformed-row") for n in (1, 2, 3)]
    assert batch.ids == ["e1"]


def test_a_huge_line_of_json_is_refused_and_the_next_is_read(tmp_path: Path) -> None:
    lines = [json_line(notice="n" * (2 * MAX_ROW)), json_line()]
    batch = look(tmp_path, "\n".join(lines), "c.jsonl")
    assert reasons(batch) == [(1, "too-large")]
    assert batch.lines == [2]


def test_numbers_without_end_are_only_text(tmp_path: Path) -> None:
    row = json_line()[:-1] + ', "x": ' + "9" * 100_000 + ', "y": 1e999999999}'
    batch = look(tmp_path, row, "c.jsonl")
    assert batch.ids == ["e1"]


def test_half_of_a_character_is_refused_by_row(tmp_path: Path) -> None:
    lines = [
        json_line(source_event_id="a\ud800"),
        json_line(email="a\udc80@x.example"),
        json_line(listed=["joint-audience", "\udfff"]),
        json_line(),
    ]
    batch = look(tmp_path, "\n".join(lines), "c.jsonl")
    assert reasons(batch) == [(n, "not-text") for n in (1, 2, 3)]
    assert batch.ids == ["e1"]


# -- compressed files ------------------------------------------------------------------------------


def test_a_zip_bomb_is_refused_before_anything_is_taken_in(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(unpack, "FREE_BYTES", 1 << 20)
    bomb = gzip.compress(table(line()).encode() + b"\n" * (8 << 20), 9)
    assert len(bomb) * MAX_RATIO < 8 << 20
    with pytest.raises(ImportUnreadable, match="unpacks to more than 200 times"):
        look(tmp_path, bomb, "c.csv.gz")


def test_a_small_file_may_unpack_to_much(tmp_path: Path) -> None:
    packed = gzip.compress(table(*[line(purpose="spam")] * 4_000).encode(), 9)
    assert len(reasons(look(tmp_path, packed, "c.csv.gz"))) == 4_000


@pytest.mark.parametrize("cut", [5, 30, -1, -8])
def test_a_gzip_file_that_is_cut_off_is_refused_as_a_whole(tmp_path: Path, cut: int) -> None:
    packed = gzip.compress(table(line()).encode())
    with pytest.raises(ImportUnreadable, match="no whole gzip file"):
        look(tmp_path, packed[:cut], "c.csv.gz")


def test_a_damaged_gzip_file_is_refused_as_a_whole(tmp_path: Path) -> None:
    packed = bytearray(gzip.compress(table(*[line()] * 50).encode()))
    packed[-5] ^= 1
    with pytest.raises(ImportUnreadable, match="no whole gzip file"):
        look(tmp_path, bytes(packed), "c.csv.gz")


# -- Parquet ---------------------------------------------------------------------------------------


def parquet_bytes(rows: int = 2_000) -> bytes:
    out = io.BytesIO()
    columns = {name: [f"{text}" for _ in range(rows)] for name, text in GOOD.items()}
    columns["source_event_id"] = [f"e{n}" for n in range(rows)]
    pq.write_table(pa.table(columns), out, row_group_size=500)
    return out.getvalue()


def test_a_damaged_parquet_file_is_refused_before_anything_is_taken_in(tmp_path: Path) -> None:
    good = parquet_bytes()
    assert look(tmp_path, good, "good.parquet").rows_read == 2_000
    for damaged in (good[:-1], good[: len(good) // 2], b"PAR1" + good[4:-4] + b"PAR2"):
        with pytest.raises(ImportUnreadable):
            look(tmp_path, damaged, "c.parquet")


def test_text_in_parquet_that_is_none(tmp_path: Path) -> None:
    columns = {name: pa.array([text]) for name, text in GOOD.items()}
    broken = pa.array([b"caf\xe9"], pa.binary()).view(pa.string())
    path = tmp_path / "c.parquet"
    pq.write_table(pa.table(columns | {"notice": broken}), path)
    with pytest.raises(ImportUnreadable):
        read(path)


# -- what is no file -------------------------------------------------------------------------------


def test_what_is_no_file_is_refused_at_once(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.csv")
    (tmp_path / "folder.csv").mkdir()
    (tmp_path / "zero.csv").symlink_to("/dev/zero")
    (tmp_path / "loop.csv").symlink_to(tmp_path / "loop.csv")
    for name in ("pipe.csv", "folder.csv", "zero.csv", "loop.csv", "none.csv"):
        with pytest.raises(ImportUnreadable):
            read(tmp_path / name)


def test_a_name_that_the_parquet_engine_would_read_as_many(tmp_path: Path) -> None:
    with pytest.raises(ImportUnreadable, match=r"holds one of"):
        look(tmp_path, parquet_bytes(1), "c*.parquet")


# -- anything --------------------------------------------------------------------------------------

mutations = st.tuples(st.integers(0, 600), st.binary(max_size=4))


@given(
    st.sampled_from(["c.csv", "c.jsonl", "c.csv.gz", "c.parquet"]),
    st.lists(mutations, min_size=1, max_size=4),
)
@settings(max_examples=examples(30))
def test_any_bytes_end_in_rows_or_in_a_named_refusal(
    name: str, changes: list[tuple[int, bytes]]
) -> None:
    content = bytearray(
        {
            "c.csv": table(line(), line(notice='"a\nb"')).encode(),
            "c.jsonl": f"{json_line()}\n{json_line(listed=['x'])}\n".encode(),
            "c.csv.gz": gzip.compress(table(line()).encode()),
            "c.parquet": parquet_bytes(3),
        }[name]
    )
    for at, put in changes:
        place = at % len(content)
        content[place : place + len(put)] = put
    with tempfile.TemporaryDirectory() as folder:
        found = outcome(Path(folder), bytes(content), name)
    if isinstance(found, NodeError):
        assert found.code in ("import-unreadable", "missing-column")
        assert "anna" not in str(found)
    else:
        assert len(found.ids) + len(found.refused) == found.rows_read
        assert Batch.from_json(found.to_json()) == found


def outcome(folder: Path, content: bytes, name: str) -> Batch | NodeError:
    try:
        return look(folder, content, name)
    except NodeError as e:
        return e
