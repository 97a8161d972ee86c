"""Pieces that the routers share: path parameters and how bodies are described in OpenAPI.

Bodies are read by `auth.body_of` after the signature was checked, never before, so FastAPI does
not see them as parameters and is told of them here.
"""

from typing import Annotated, Any

from fastapi import Path, Query
from pydantic import BaseModel

from coordinator.wire import MAX_WAIT_SECONDS

MAX_STEP = 2**31 - 1

Party = Annotated[str, Path(pattern=r"^[a-z0-9][a-z0-9-]{0,62}$")]
Job = Annotated[str, Path(pattern=r"^[0-9a-f]{32}$")]
CollaborationId = Annotated[str, Path(pattern=r"^[a-z0-9][a-z0-9-]{0,62}$")]
Version = Annotated[int, Path(ge=1, le=MAX_STEP)]
Step = Annotated[int, Path(ge=0, le=MAX_STEP)]
After = Annotated[int, Query(ge=0, le=2**62, description="Revision that the caller has seen.")]
Wait = Annotated[
    int,
    Query(ge=0, le=3600, description=f"Seconds; more than {MAX_WAIT_SECONDS} count as that many."),
]


def takes(kind: type[BaseModel]) -> dict[str, Any]:
    """Return the OpenAPI description of a JSON body."""
    schema = kind.model_json_schema(mode="validation")
    return {"requestBody": {"required": True, "content": {"application/json": {"schema": schema}}}}


ENVELOPE_BODY: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}},
    }
}
