"""The witness's two calls, as C2SP tlog-witness has them: open, and answered in plain text.

The coordinator has them under `/witness`, a stand-alone witness wherever it likes.
"""

import re
from http import HTTPStatus
from typing import Annotated, Protocol

from fastapi import APIRouter, Depends, Request, Response
from starlette.concurrency import run_in_threadpool

from consent.errors import MalformedRecord
from consent.note import MAX_NOTE_BYTES
from consent.witness import TEXT, AddCheckpoint, Refused, parse_add_checkpoint
from coordinator.errors import RequestTooLarge
from coordinator.intake import Intake
from coordinator.observability import log
from coordinator.problems import WITNESS_MALFORMED, WITNESS_NO_CHECKPOINT
from coordinator.witness import Considered, Cosigning, checkpoint_note

_ORIGIN_HASH = re.compile(r"[0-9a-f]{64}", re.ASCII)
_TEXT_BODY = {"requestBody": {"required": True, "content": {"text/plain": {}}}}


class WitnessServices(Protocol):
    """What these calls need of an application's services."""

    @property
    def cosigning(self) -> Cosigning:
        """The witness at work."""

    @property
    def intake(self) -> Intake:
        """How bodies are read."""


def _services_of(request: Request) -> WitnessServices:
    found: WitnessServices = request.app.state.services
    return found


Here = Annotated[WitnessServices, Depends(_services_of)]


async def add_checkpoint(request: Request, here: Here) -> Response:
    """Cosign a checkpoint of a known ledger, if it continues the last one."""
    body = await here.intake.read(request, MAX_NOTE_BYTES, RequestTooLarge)
    try:
        asked: AddCheckpoint = await run_in_threadpool(parse_add_checkpoint, body)
    except MalformedRecord:
        return _text("this is no add-checkpoint request\n", WITNESS_MALFORMED)
    considered: Considered = await run_in_threadpool(here.cosigning.answer, asked)
    if considered.conflict is not None:
        log.warning("witness-conflict", kind=considered.conflict)
    answer = considered.answer
    if isinstance(answer, Refused):
        return _text(answer.body, answer.status, answer.content_type)
    return _text(answer, HTTPStatus.OK)


async def latest_checkpoint(origin_hash: str, here: Here) -> Response:
    """Return the last cosigned checkpoint of the ledger whose origin has this SHA-256."""
    note = None
    if _ORIGIN_HASH.fullmatch(origin_hash):
        read = here.cosigning.database.read
        note = await run_in_threadpool(read, lambda s: checkpoint_note(s, origin_hash))
    if note is None:
        return _text("no checkpoint\n", WITNESS_NO_CHECKPOINT)
    return _text(note, HTTPStatus.OK)


def routes(prefix: str) -> APIRouter:
    """Return the two calls under a prefix."""
    made = APIRouter(prefix=prefix, tags=["witness"])
    made.post("/add-checkpoint", response_class=Response, openapi_extra=_TEXT_BODY)(add_checkpoint)
    made.get("/{origin_hash}/checkpoint", response_class=Response)(latest_checkpoint)
    return made


router = routes("/witness")


def _text(body: str, status: int, content_type: str = TEXT) -> Response:
    # Starlette would add a charset to any text type; C2SP names the type of 409 exactly.
    return Response(body.encode(), status, headers={"Content-Type": content_type})
