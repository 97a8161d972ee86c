"""Agreements: propose, countersign, read, wait for changes."""

from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Depends, Response
from sqlmodel import Session

from coordinator import collaborations, store
from coordinator.api.described import After, CollaborationId, Version, Wait, takes
from coordinator.auth import Caller, body_of
from coordinator.services import Here
from coordinator.waiting import Kind
from coordinator.wire import CollaborationProposal, CollaborationView, Countersignature

router = APIRouter(prefix="/v1/collaborations", tags=["collaborations"])

ProposalBody = Annotated[CollaborationProposal, Depends(body_of(CollaborationProposal))]
CountersignatureBody = Annotated[Countersignature, Depends(body_of(Countersignature))]


@router.get("")
async def list_collaborations(
    caller: Caller, here: Here, after: After = 0, wait: Wait = 0
) -> list[CollaborationView]:
    """List the caller's versions that changed after a revision, oldest change first, one page."""

    def look(session: Session) -> list[CollaborationView]:
        rows = store.collaborations_after(session, caller.party, after)
        return [collaborations.view(session, row) for row in rows]

    return await here.until(caller.party, Kind.COLLABORATIONS, look, wait)


@router.get("/{collaboration}/versions/{version}")
async def show_version(
    collaboration: CollaborationId, version: Version, caller: Caller, here: Here
) -> CollaborationView:
    """Show one version to a member."""
    return await here.read(
        lambda session: collaborations.find(session, caller.party, (collaboration, version))
    )


@router.put(
    "/{collaboration}/versions/{version}",
    status_code=HTTPStatus.CREATED,
    openapi_extra=takes(CollaborationProposal),
)
async def propose(
    collaboration: CollaborationId,
    version: Version,
    caller: Caller,
    proposal: ProposalBody,
    here: Here,
    response: Response,
) -> CollaborationView:
    """Propose a version with the caller's signature. 201 when new, 200 when it is not."""
    now_ms, place, most = here.clock(), (collaboration, version), here.settings.max_open_proposals
    view, new = await here.write(
        lambda session: collaborations.propose(
            session, caller.public, place, proposal.signed, now_ms, most_open=most
        )
    )
    response.status_code = HTTPStatus.CREATED if new else HTTPStatus.OK
    await here.bell.ring(Kind.COLLABORATIONS)
    return view


@router.post(
    "/{collaboration}/versions/{version}/countersignatures",
    openapi_extra=takes(Countersignature),
)
async def countersign(
    collaboration: CollaborationId,
    version: Version,
    caller: Caller,
    body: CountersignatureBody,
    here: Here,
) -> CollaborationView:
    """Add the caller's signature; the last one puts the version in force."""
    place = (collaboration, version)
    view = await here.write(
        lambda session: collaborations.countersign(session, caller.public, place, body.signed)
    )
    await here.bell.ring(Kind.COLLABORATIONS)
    return view
