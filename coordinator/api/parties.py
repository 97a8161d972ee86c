"""Who this coordinator is, and who is enrolled."""

import importlib.metadata
from http import HTTPStatus

from fastapi import APIRouter, Request, Response

from coordinator import parties, store
from coordinator.api.described import Party, takes
from coordinator.auth import Caller, parse
from coordinator.errors import RequestTooLarge
from coordinator.services import Here
from coordinator.wire import VERSION, CoordinatorInfo, Enrolment, PartyView

router = APIRouter(prefix="/v1", tags=["parties"])


@router.get("/coordinator")
async def coordinator(here: Here) -> CoordinatorInfo:
    """Say who this is. Open."""
    return CoordinatorInfo(
        name=here.settings.name,
        wire_version=VERSION,
        software=f"accord/{software_version()}",
        witness_vkey=here.witness.vkey,
        time_ms=here.clock(),
    )


def software_version() -> str:
    """Return the installed version, or `unknown` when run from a source tree."""
    try:
        return importlib.metadata.version("accord")
    except importlib.metadata.PackageNotFoundError:
        return "unknown"


@router.post(
    "/enrolments",
    status_code=HTTPStatus.CREATED,
    openapi_extra=takes(Enrolment),
)
async def enrol(request: Request, response: Response, here: Here) -> PartyView:
    """Enrol a party by invitation. Open; 201 when new, 200 when it was enrolled before."""
    body = await here.intake.read(request, here.settings.max_request_bytes, RequestTooLarge)
    enrolment = parse(Enrolment, body)
    now_ms = here.clock()
    view, new = await here.write(lambda session: parties.enrol(session, enrolment, now_ms))
    response.status_code = HTTPStatus.CREATED if new else HTTPStatus.OK
    return view


@router.get("/parties")
async def list_parties(_caller: Caller, here: Here) -> list[PartyView]:
    """List all parties."""
    return await here.read(lambda session: [parties.view(p) for p in store.parties(session)])


@router.get("/parties/{party}")
async def show_party(party: Party, _caller: Caller, here: Here) -> PartyView:
    """Show one party."""
    return await here.read(lambda session: parties.find(session, party))
