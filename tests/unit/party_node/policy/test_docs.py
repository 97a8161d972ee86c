"""The policy page has a row for each key, and its example is read by the tests of the reader."""

import re

from party_node.policy import keys
from tests.support.policies import PAGE, example

TEXT = PAGE.read_text(encoding="utf-8")


def rows(after: str) -> list[str]:
    """Return the first cells of the table that follows a phrase."""
    lines = TEXT[TEXT.index(after) :].split("\n")
    start = next(n for n, line in enumerate(lines) if line.startswith("|---"))
    table = lines[start + 1 :]
    end = next(n for n, line in enumerate(table) if not line.startswith("|"))
    return [re.findall(r"`(\w+)`", line.split("|")[1])[0] for line in table[:end]]


def test_every_top_level_key_has_a_row() -> None:
    assert rows("which lies in its country") == list(keys.TOP)


def test_every_key_of_a_section_has_a_row() -> None:
    for section in keys.SECTIONS:
        assert rows(f"\nA **{section.what}**") == [key.key for key in section.keys]


def test_every_key_of_hours_and_caps_is_explained() -> None:
    said = TEXT[TEXT.index("**Hours** name") : TEXT.index("The ages, bases")]
    for _, table in keys.LISTS.values():
        assert [key.key for key in table if f"`{key.key}`" not in said] == []
    assert [key.key for key in keys.SIGNALS if f"`{key.key}`" not in TEXT] == []


def test_the_example_uses_nearly_every_key() -> None:
    used = set(re.findall(r"(\w+):", example()))
    tables = [section.keys for section in keys.SECTIONS] + [t for _, t in keys.LISTS.values()]
    unused = {key.key for table in tables for key in table} - used
    assert unused == {"data_uses", "sensitive", "contact", "address", "basis", "answer_days",
                      "retention", "storage"} - used  # fmt: skip
