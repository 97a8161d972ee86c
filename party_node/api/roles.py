"""/v1/roles: who is an operator and who a compliance officer; their tokens are shown once."""

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Path, Query
from pydantic import Field

from party_node.api.access import Calling
from party_node.api.strict import Name, Strict
from party_node.errors import IllegalState
from party_node.roles.roles import Roles
from party_node.roles.tokens import StaffRole
from party_node.running import Here

router = APIRouter(prefix="/v1/roles", tags=["roles"])

RoleName = Annotated[str, Path(pattern=r"^[a-z0-9][a-z0-9_-]{0,62}$")]


class RoleBody(Strict):
    """Somebody new in a role."""

    name: Name
    """A function, as `dpo`, or a short name: it stands in the ledger for ever."""
    role: Literal["operator", "compliance"]
    share_holds_of: Annotated[str, Field(max_length=200)] | None = Field(default=None, repr=False)
    """Token of somebody of the same role: the new person can open the same holds."""


@router.post("", status_code=201)
def add(body: RoleBody, node: Here, caller: Calling) -> dict[str, Any]:
    """Put somebody in a role; the answer has their token, which is shown this once."""
    roles = node.services.roles
    sharing = None
    if body.share_holds_of is not None:
        sharing = roles.caller(body.share_holds_of)
        if sharing is None:
            raise IllegalState("the token to share holds from is nobody's here")
    token = roles.add(body.name, StaffRole(body.role), caller, sharing)
    return _view(roles, body.name) | {"token": token}


@router.get("")
def listed(node: Here) -> list[dict[str, Any]]:
    """Return everybody in a role, by name."""
    return _views(node.services.roles)


@router.delete("/{name}")
def revoke(
    name: RoleName,
    node: Here,
    caller: Calling,
    strand_holds: Annotated[bool, Query()] = False,
) -> dict[str, Any]:
    """Take somebody's role: their token is worth nothing from now on."""
    gone = node.services.roles.revoke(name, caller, strand_holds=strand_holds)
    return {"name": gone.name, "role": gone.role, "revoked": True}


def _views(roles: Roles) -> list[dict[str, Any]]:
    return [
        {"name": r.name, "role": r.role, "added_ms": r.added_ms, "added_by": r.added_by}
        for r in roles.listed()
    ]


def _view(roles: Roles, name: str) -> dict[str, Any]:
    return next(view for view in _views(roles) if view["name"] == name)
