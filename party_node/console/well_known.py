"""`/.well-known/gpc.json`: that the site at this address heeds Global Privacy Control.

A node is usually no site: people do not visit it, and the statement belongs to the address that
they do visit. It is served only where an operator says since when it is true.
"""

from fastapi import APIRouter, Response

from consent.signals.gpc import WELL_KNOWN_PATH, Support, SupportStatement, encode_support
from party_node.running import Here
from party_node.surface_errors import UnknownRoute

router = APIRouter(include_in_schema=False)


@router.get(WELL_KNOWN_PATH)
def gpc_support(node: Here) -> Response:
    """Say that GPC is heeded, if the settings say so."""
    since = node.services.home.settings.gpc_support_since
    if not since:
        raise UnknownRoute
    statement = SupportStatement(Support.YES, since)
    return Response(encode_support(statement), media_type="application/json")
