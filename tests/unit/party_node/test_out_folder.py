"""Where the node writes on request: in one folder, by a checked name."""

from pathlib import Path

import pytest

from party_node.errors import OutputRefused
from party_node.out_folder import new_file


def test_a_file_is_named_and_its_folder_is_made_for_the_owner(tmp_path: Path) -> None:
    path = new_file(tmp_path, "kept-1.v2_a.csv")
    assert path == tmp_path / "out" / "kept-1.v2_a.csv"
    assert path.parent.stat().st_mode & 0o777 == 0o700
    assert not path.exists()


@pytest.mark.parametrize(
    "name",
    [
        "",
        ".",
        "..",
        ".hidden",
        "../up",
        "a/b",
        "/etc/x",
        "a\\b",
        "a\0b",
        "a\n",
        "ä",
        "a b",
        "x" * 129,
    ],
)
def test_a_name_that_leads_out_of_the_folder_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(OutputRefused, match="no name"):
        new_file(tmp_path, name)
    assert not (tmp_path / "out").exists()


def test_what_is_there_is_never_written_over(tmp_path: Path) -> None:
    new_file(tmp_path, "x").write_text("kept")
    (tmp_path / "out" / "link").symlink_to(tmp_path / "nowhere")
    for name in ("x", "link"):
        with pytest.raises(OutputRefused, match="exists already"):
            new_file(tmp_path, name)


def test_a_folder_that_leads_elsewhere_is_refused(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "out").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(OutputRefused, match="no folder of its own"):
        new_file(tmp_path, "x")
    (tmp_path / "out").unlink()
    (tmp_path / "out").write_text("")
    with pytest.raises(OutputRefused, match="no folder of its own"):
        new_file(tmp_path, "x")
