"""/v1/persons: records of persons that turn out to be one."""

from typing import Annotated, Any

from fastapi import APIRouter
from pydantic import Field

from party_node.api.access import Calling
from party_node.api.person import Person
from party_node.api.strict import Strict
from party_node.errors import NotFound
from party_node.requests.texts import nameless
from party_node.running import Here
from party_node.services import Services

router = APIRouter(prefix="/v1/persons", tags=["persons"])

Words = Annotated[str, Field(min_length=1, max_length=200, pattern=r"^[^\x00-\x1f\x7f]+$")]


class MergeBody(Strict):
    """Two persons who are one."""

    keep: Person
    """Whose record goes on."""
    absorb: Person
    ground: Words
    """How it is known; it stands in the ledger and names nobody."""
    by: Words = "operator"


@router.post("/merges", status_code=201)
def merge(body: MergeBody, node: Here, caller: Calling) -> dict[str, Any]:
    """Make two records one person: what either did not permit is not permitted from then on."""
    parts = node.services
    kept, absorbed = _found(body.keep, parts), _found(body.absorb, parts)
    ground, by = nameless(body.ground), caller.signing(body.by)
    index = parts.merging.merge(kept, absorbed, ground, by)
    return {"index": index, "merged_before": index is None}


def _found(person: Person, parts: Services) -> int:
    dense = parts.identity.find(*person.normalised(parts.home.settings.default_region))
    if dense is None:
        raise NotFound("nobody with this identifier is known here")
    return dense
