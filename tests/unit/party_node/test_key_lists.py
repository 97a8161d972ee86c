"""Lists of row keys: what cannot be read or written says what is wanted."""

from pathlib import Path

import pytest

from party_node.errors import DatasetUnreadable
from party_node.key_lists import read_keys, write_keys, write_new


@pytest.mark.parametrize("content", [None, b"k1\n\xff\n"])
def test_a_list_that_cannot_be_read_says_what_a_list_is(
    tmp_path: Path, content: bytes | None
) -> None:
    path = tmp_path / "keys.txt"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(DatasetUnreadable) as caught:
        read_keys(path)
    assert caught.value.hint == "name a UTF-8 file with one row key a line"


def test_a_list_that_cannot_be_written_says_where_one_can(tmp_path: Path) -> None:
    with pytest.raises(DatasetUnreadable) as caught:
        write_keys(tmp_path / "nowhere" / "keys.txt", ["k1"])
    assert caught.value.hint == "name a new file in a folder where you may write"


def test_lines_of_other_systems_and_empty_ones_are_read(tmp_path: Path) -> None:
    path = tmp_path / "keys.txt"
    path.write_bytes(b"\xef\xbb\xbfk1\r\n\r\nk2")
    assert read_keys(path) == ["k1", "k2"]


def test_a_new_file_has_what_it_is_given_for_its_owner_only_and_takes_no_place(
    tmp_path: Path,
) -> None:
    path, data = tmp_path / "scores.csv", 'id,score\r\n"a\u2028b\nc",0.5\r\n'.encode()
    write_new(path, data)
    assert path.read_bytes() == data
    assert path.stat().st_mode & 0o777 == 0o600
    with pytest.raises(DatasetUnreadable, match="is there already"):
        write_new(path, b"")
    assert path.read_bytes() == data
