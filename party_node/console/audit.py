"""The console's page of uses: every decision of the gate, newest first, and how to prove it.

It is for whoever answers for consent: what was asked, for whom and what for, who was left out and
why, what decided, how it ended. People are counts: nobody is named.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from party_node.api.audit import use_views
from party_node.reason_words import MEANS, most_first
from party_node.running import RunningNode

PER_PAGE = 20
_JOB = re.compile(r"[0-9a-f]{4,32}", re.ASCII)


def shown(node: RunningNode, job: str = "", before: int | None = None) -> dict[str, Any]:
    """Return the page of uses, of jobs whose number begins with `job` if that is said, and older
    than an entry.
    """
    asked = job.strip().lower()
    known = not asked or _JOB.fullmatch(asked) is not None
    found = use_views(node.services, PER_PAGE + 1, asked, before) if known else []
    uses = [use | {"withheld": list(_withheld(use))} for use in found[:PER_PAGE]]
    return {
        "name": node.services.home.settings.name,
        "job": job,
        "known": known,
        "uses": uses,
        "newest": before is None,
        "older": uses[-1]["entry"] if len(found) > PER_PAGE else None,
    }


def _withheld(use: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield why people were left out, the most frequent reason first, and what it means."""
    for reason, people in most_first(use["denied"]):
        yield {"reason": reason, "people": people, "means": MEANS.get(reason, "")}
