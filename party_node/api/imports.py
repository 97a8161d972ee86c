"""/v1/consent/imports: files of what people said to other systems."""

from pathlib import Path
from typing import Annotated, Any

import structlog
from fastapi import APIRouter, Query, Response
from fastapi import Path as PathParameter
from pydantic import Field, model_validator
from starlette.concurrency import run_in_threadpool

from coordinator.wire import MAX_WAIT_SECONDS
from party_node import out_folder, problems
from party_node.api.strict import Name, Strict
from party_node.api.waiting import look_until
from party_node.capture import mapping_file
from party_node.capture.errors import InvalidMapping
from party_node.capture.imports import ImportRequest, Progress
from party_node.capture.mapping import FileMapping, by_columns
from party_node.capture.report import ImportReport, RowNote
from party_node.capture.strict_yaml import MAX_TEXT
from party_node.data_folders import may_show
from party_node.running import Here
from party_node.services import Services
from party_node.surface_errors import Internal

router = APIRouter(prefix="/v1/consent/imports", tags=["consent"])
log = structlog.stdlib.get_logger("party_node")

ImportId = Annotated[str, PathParameter(pattern=r"^[0-9a-f]{32}$")]
PathText = Annotated[str, Field(min_length=1, max_length=4096)]


class ImportBody(Strict):
    """A file of consent events on the node's machine."""

    path: PathText
    source: Name
    mapping: dict[str, str] | None = None
    """From the names of our fields to the file's columns, where they differ."""
    mapping_text: Annotated[str, Field(max_length=MAX_TEXT)] | None = None
    """A whole mapping, as YAML or JSON."""
    mapping_path: PathText | None = None
    """The same as a file on the node's machine."""
    dry_run: bool = False
    """True: say what would happen, and write nothing."""
    rejects: Annotated[str, Field(pattern=out_folder.NAME)] | None = None
    """Name of a new file in the folder `out` of the node's home for the line and the reason of
    every refused row.
    """
    wait: bool = True
    """False: answer at once; the import runs on and is followed by its id."""

    @model_validator(mode="after")
    def _one(self) -> "ImportBody":
        given = (self.mapping, self.mapping_text, self.mapping_path)
        if sum(each is not None for each in given) > 1:
            raise ValueError("give one of mapping, mapping_text and mapping_path")
        return self


@router.post("", status_code=201)
def import_events(body: ImportBody, node: Here, response: Response) -> dict[str, Any]:
    """Take up a file of events; what came before is not written twice."""
    parts = node.services
    rejects = None if body.rejects is None else out_folder.new_file(parts.home.path, body.rejects)
    request = ImportRequest(
        Path(body.path), body.source, _mapping(body, parts), body.dry_run, rejects
    )
    written = {"rejects_path": None if rejects is None else str(rejects)}
    if body.wait:
        return _described(parts.imports.run(request), parts) | written
    response.status_code = 202
    return _standing(parts.imports.start(request), parts) | written


@router.get("/{import_id}")
async def show_import(
    import_id: ImportId,
    node: Here,
    wait: Annotated[int, Query(ge=0, le=MAX_WAIT_SECONDS)] = 0,
    known: Annotated[int, Query(ge=0)] = 0,
) -> dict[str, Any]:
    """Return how far an import is; with `wait`, when it is further than `known` rows or has ended.

    Answers after `wait` seconds at the latest.
    """
    found = await look_until(
        node,
        wait,
        lambda: node.services.imports.progress(import_id),
        lambda found: found.ended or found.rows != known,
    )
    return await run_in_threadpool(_standing, found, node.services)


def _mapping(body: ImportBody, parts: Services) -> FileMapping:
    if body.mapping_path is not None:
        return _mapping_at(Path(body.mapping_path), parts)
    if body.mapping_text is not None:
        return parts.imports.mapping_of(body.mapping_text)
    return by_columns(body.mapping or {})


def _mapping_at(path: Path, parts: Services) -> FileMapping:
    """Read a mapping of the node's machine; what is wrong in it is said only where it may be."""
    try:
        return parts.imports.mapping_of(mapping_file.read_text(path))
    except InvalidMapping:
        if may_show(path, parts.home.settings.data_folders):
            raise
        raise InvalidMapping(
            f"{path.name} is no mapping that can be used",
            hint="send its text as mapping_text: then the answer says what is wrong in it",
        ) from None


def _standing(found: Progress, parts: Services) -> dict[str, Any]:
    return {
        "import": found.import_id,
        "state": "failed" if found.error else "completed" if found.report else "running",
        "rows": found.rows,
        "report": None if found.report is None else _described(found.report, parts),
        "problem": None if found.error is None else _problem(found.error, found.import_id),
    }


def _problem(error: Exception, import_id: str) -> dict[str, Any]:
    if isinstance(error, problems.Refusal):
        return problems.problem_of(error).model_dump()
    log.error("import-error", id=import_id, exc_info=error)
    return problems.problem_of(Internal(), id=import_id).model_dump()


def _described(report: ImportReport, parts: Services) -> dict[str, Any]:
    return {
        "rows": report.rows,
        "accepted": report.accepted,
        "repeated": report.repeated,
        "refused": report.refused_total,
        "refused_rows": [_row(note) for note in report.refused_rows],
        "reasons": dict(sorted(report.reasons.items())),
        "skipped": report.skipped_total,
        "skipped_rows": [_row(note) for note in report.skipped_rows],
        "for_both": report.for_both,
        "sha256": report.sha256,
        "dry_run": report.dry_run,
        # A checkpoint is signed and kept for ever, so a dry run makes none.
        "checkpoint": None if report.dry_run else parts.ledger.checkpoint(),
    }


def _row(note: RowNote) -> dict[str, Any]:
    return {"line": note.line, "reason": note.reason, "event": note.event}
