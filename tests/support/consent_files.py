"""Consent files for tests: a good row, changed a little; and reading one without a node."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from consent.defaults import DEFAULT_VOCABULARY
from party_node.capture import reading
from party_node.capture.batches import Batch
from party_node.capture.reading import Task
from tests.support.node import START_MS

PURPOSES = [p.purpose_id for p in DEFAULT_VOCABULARY.purposes]
HEADER = (
    "source_event_id,email,phone,purpose,recipient,state,event_time,valid_until,notice,method,"
    "separate,jurisdiction"
)
GOOD = {
    "source_event_id": "e1",
    "email": "anna@x.example",
    "phone": "",
    "purpose": "joint-audience",
    "recipient": "shop",
    "state": "given",
    "event_time": "2026-01-05T10:00:00Z",
    "valid_until": "2027-01-05T10:00:00+01:00",
    "notice": "privacy notice of January",
    "method": "web-form",
    "separate": "true",
    "jurisdiction": "GB",
}
GOOD_MS = 1_767_607_200_000


def line(**changes: str) -> str:
    """Return the good row as a line of CSV, with other cells."""
    return ",".join({**GOOD, **changes}.values())


def table(*lines: str) -> str:
    """Return a CSV file of these lines."""
    return "\n".join((HEADER, *lines)) + "\n"


def json_line(**changes: Any) -> str:
    """Return the good row as a line of JSON, with other or more members."""
    return json.dumps({**GOOD, **changes})


def task(path: Path, mapping: str | Mapping[str, str] | None = None, region: str = "GB") -> Task:
    """Return the reading of a file."""
    return Task(str(path), mapping or {}, PURPOSES, region, START_MS, "07" * 32)


def read(path: Path, mapping: str | Mapping[str, str] | None = None) -> Batch:
    """Read a whole file that is one batch."""
    with reading.opened(task(path, mapping)) as opened:
        batches = list(opened.batches())
    assert len(batches) <= 1
    return batches[0] if batches else Batch()


def reasons(batch: Batch) -> list[tuple[int, str]]:
    """Return (line, reason) of what was refused."""
    return [(line, reason) for line, _, reason in batch.refused]
