"""/v1/datasets: the party's own files, registered where they lie."""

import dataclasses
from pathlib import Path
from typing import Annotated, Any

from fastapi import APIRouter
from pydantic import Field

from party_node.api.access import Calling
from party_node.api.noting import note
from party_node.api.strict import Name, Strict
from party_node.dataset_reports import DatasetInfo
from party_node.lineages import lineage_of
from party_node.running import Here
from party_node.services import Services
from protocols.device_ids import DEVICE_KINDS

router = APIRouter(prefix="/v1", tags=["datasets"])

Column = Annotated[str, Field(min_length=1, max_length=200)]


class DatasetBody(Strict):
    """A file to register; the path is one on the node's machine."""

    dataset: Name
    path: Annotated[str, Field(min_length=1, max_length=4096)]
    key_column: Column
    email_column: Column | None = None
    phone_column: Column | None = None
    idfa_column: Column | None = None
    gaid_column: Column | None = None
    oaid_column: Column | None = None
    imei_column: Column | None = None

    def devices(self) -> dict[str, str]:
        """Return the column of each type of device identifier that there is one for."""
        named = {kind: getattr(self, f"{kind}_column") for kind in DEVICE_KINDS}
        return {kind: column for kind, column in named.items() if column is not None}


@router.post("/datasets", status_code=201)
def register(body: DatasetBody, node: Here, caller: Calling) -> dict[str, Any]:
    """Register a file, or take up a changed one; the answer says what was found, as counts."""
    parts = node.services
    report = parts.datasets.register(
        body.dataset,
        Path(body.path),
        body.key_column,
        body.email_column,
        body.phone_column,
        parts.home.settings.default_region,
        body.devices(),
    )
    told = f"{body.dataset}: {report.rows} rows, sha256 {report.sha256}"
    note(parts, caller, "dataset-registered", told)
    return dataclasses.asdict(report) | {"lineage": _lineage(parts, body.dataset)}


@router.get("/datasets")
def listed(node: Here) -> list[dict[str, Any]]:
    """Return every dataset with the counts of its registration."""
    return dataset_views(node.services)


def dataset_views(parts: Services) -> list[dict[str, Any]]:
    """Return every dataset for people."""
    return [_view(parts, info) for info in parts.datasets.listed()]


def _lineage(parts: Services, dataset: str) -> str:
    with parts.db.reading() as session:
        return lineage_of(session, dataset)


def _view(parts: Services, info: DatasetInfo) -> dict[str, Any]:
    return {
        "dataset": info.dataset,
        "lineage": _lineage(parts, info.dataset),
        "path": info.path,
        "key_column": info.key_column,
        "registered_ms": info.registered_ms,
        "report": dataclasses.asdict(info.report),
    }
