"""Federated training: the key of a party's SuperNode, and the calls that Flower's nodes make."""

from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Depends, Path, Request, Response

from coordinator.api.described import takes
from coordinator.auth import Caller, body_of
from coordinator.errors import EnvelopeTooLarge
from coordinator.fleet import CALLS
from coordinator.services import Here
from coordinator.wire import SuperNodeKey

router = APIRouter(prefix="/v1", tags=["federated"])

Key = Annotated[SuperNodeKey, Depends(body_of(SuperNodeKey))]
Call = Annotated[str, Path(pattern=f"^({'|'.join(sorted(CALLS))})$")]


@router.put("/federated/node", status_code=HTTPStatus.NO_CONTENT, openapi_extra=takes(SuperNodeKey))
async def register_node(caller: Caller, key: Key, here: Here) -> Response:
    """Say with which key the caller's SuperNode proves itself, instead of any earlier one."""
    await here.fleet.register(caller.party, key.public_key)
    return Response(status_code=HTTPStatus.NO_CONTENT)


@router.post("/fleet/{call}", response_class=Response)
async def call_fleet(call: Call, request: Request, here: Here) -> Response:
    """Pass a call of a SuperNode on to Flower, which authenticates it."""
    limit = here.settings.max_envelope_bytes
    body = await here.intake.read(request, limit, EnvelopeTooLarge)
    status, media, answer = await here.fleet.forward(call, request.headers, body)
    return Response(answer, status_code=status, media_type=media)
