"""The witness's two calls, as C2SP tlog-witness has them: open, and answered in plain text."""

import functools
from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Path, Request, Response
from starlette.concurrency import run_in_threadpool

from consent.errors import MalformedRecord
from consent.witness import TEXT, AddCheckpoint, Refused, parse_add_checkpoint
from coordinator import witness
from coordinator.errors import RequestTooLarge
from coordinator.observability import log
from coordinator.problems import WITNESS_MALFORMED, WITNESS_NO_CHECKPOINT
from coordinator.services import Here, Services

router = APIRouter(prefix="/witness", tags=["witness"])

OriginHash = Annotated[str, Path(pattern=r"^[0-9a-f]{64}$")]
_TEXT_BODY = {"requestBody": {"required": True, "content": {"text/plain": {}}}}


@router.post("/add-checkpoint", response_class=Response, openapi_extra=_TEXT_BODY)
async def add_checkpoint(request: Request, here: Here) -> Response:
    """Cosign a checkpoint of an enrolled party's ledger, if it continues the last one."""
    body = await here.intake.read(request, here.settings.max_request_bytes, RequestTooLarge)
    try:
        asked: AddCheckpoint = await run_in_threadpool(parse_add_checkpoint, body)
    except MalformedRecord:
        return _text("this is no add-checkpoint request\n", WITNESS_MALFORMED)
    considered = await _consider(here, asked)
    if considered.conflict is not None:
        log.warning("witness-conflict", kind=considered.conflict)
    answer = considered.answer
    if isinstance(answer, Refused):
        return _text(answer.body, answer.status, answer.content_type)
    return _text(answer, HTTPStatus.OK)


async def _consider(here: Services, asked: AddCheckpoint) -> witness.Considered:
    """Decide outside of the writer's turn; again only if another request was stored meanwhile."""
    now_ms = here.clock()
    while True:
        known = await here.read(lambda session: witness.look_up(session, asked.checkpoint.origin))
        decided = await run_in_threadpool(witness.decide, here.witness, known, asked, now_ms)
        if decided.accepted is None and decided.conflict is None:
            return decided
        settle = functools.partial(
            witness.settle, known=known, request=asked, decided=decided, now_ms=now_ms
        )
        if await here.write(settle):
            return decided


@router.get("/{origin_hash}/checkpoint", response_class=Response)
async def latest_checkpoint(origin_hash: OriginHash, here: Here) -> Response:
    """Return the last cosigned checkpoint of the ledger whose origin has this SHA-256."""
    note = await here.read(lambda session: witness.checkpoint_note(session, origin_hash))
    if note is None:
        return _text("no checkpoint\n", WITNESS_NO_CHECKPOINT)
    return _text(note, HTTPStatus.OK)


def _text(body: str, status: int, content_type: str = TEXT) -> Response:
    # Starlette would add a charset to any text type; C2SP names the type of 409 exactly.
    return Response(body.encode(), status, headers={"Content-Type": content_type})
