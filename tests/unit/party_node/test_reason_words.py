"""Reasons are explained to who runs the node as the documentation explains them."""

import re
from pathlib import Path

from consent.reasons import Reason
from party_node.reason_words import MEANS

PAGE = Path(__file__).parents[3] / "docs" / "concepts" / "consent.md"


def test_every_reason_has_the_words_of_the_documentation() -> None:
    section = PAGE.read_text().split("\n## Reasons\n")[1].split("\n## ")[0]
    rows = dict(re.findall(r"^\| `([a-z-]+)` \| (.+?) \|$", section, re.MULTILINE))
    assert {reason: rows[reason] for reason in Reason} == MEANS
