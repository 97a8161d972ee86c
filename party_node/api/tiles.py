"""The published ledger as C2SP tlog-tiles: under /v1/ledger hashes only, entries under a prefix of
their own.

Both want the node's token, as everything here. A proxy that passes on `/v1/ledger/checkpoint` and
`/v1/ledger/tile/` to auditors gives out no entry.
"""

from fastapi import APIRouter, Response

from party_node.running import Here

router = APIRouter(prefix="/v1/ledger", tags=["ledger"])

_MUTABLE = {"Cache-Control": "no-cache"}
_HASHES = {"Cache-Control": "max-age=31536000, immutable"}
_ENTRIES = {"Cache-Control": "private, max-age=31536000, immutable"}
_NOTE, _TILE = "text/plain; charset=utf-8", "application/octet-stream"


@router.get("/checkpoint", response_class=Response)
def checkpoint(node: Here) -> Response:
    """Return the newest published checkpoint as a signed note."""
    note = node.services.publishing.checkpoint()
    return Response(note, media_type=_NOTE, headers=_MUTABLE)


@router.get("/tile/{path:path}", response_class=Response)
def tile(path: str, node: Here) -> Response:
    """Return a tile of hashes under the newest published checkpoint; never an entry."""
    data = node.services.publishing.tile(path)
    return Response(data, media_type=_TILE, headers=_HASHES)


@router.get("/with-entries/checkpoint", response_class=Response)
def checkpoint_beside_entries(node: Here) -> Response:
    """Return the newest published checkpoint: the same, for who reads entries by this prefix."""
    return checkpoint(node)


@router.get("/with-entries/tile/{path:path}", response_class=Response)
def tile_or_entries(path: str, node: Here) -> Response:
    """Return a tile of hashes, or the entry bundle at `entries/…`: for who may read entries."""
    data = node.services.publishing.entries(path)
    return Response(data, media_type=_TILE, headers=_ENTRIES)
