"""/v1/reach: sketches of whom this party reached, for others to merge with theirs."""

import base64
from typing import Annotated, Any

from fastapi import APIRouter, Response
from pydantic import Field

from party_node.api.access import Calling
from party_node.api.collaborations import take_up_news
from party_node.api.strict import Name, Strict
from party_node.reach import sketches
from party_node.running import Here
from party_node.statistics import recipients
from protocols.dp.reach import sketch as pure
from protocols.dp.reach.flipping import MAX_EPSILON_MILLI
from protocols.dp.reach.sketch import DEFAULT_EXPONENT, MAX_EXPONENT, MIN_EXPONENT, Topic

router = APIRouter(prefix="/v1/reach", tags=["releases"])

Word = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9._-]{0,62}$")]


class SketchBody(Strict):
    """Whom a sketch is of, for whom, and at which epsilon."""

    dataset: Name
    purpose: Name
    campaign: Word
    period: Word
    """As all publishers write it; with campaign, identifier, level and size it says what can be
    merged."""
    epsilon_milli: Annotated[int, Field(ge=1, le=MAX_EPSILON_MILLI)]
    """Thousandths, because no float decides what is paid."""
    identifier: Name = "email"
    at_least: Annotated[int, Field(ge=1, le=pure.MAX_LEVEL)] = 1
    exponent: Annotated[int, Field(ge=MIN_EXPONENT, le=MAX_EXPONENT)] = DEFAULT_EXPONENT
    """The sketch has 2^exponent buckets."""
    collaboration: Name | None = None
    """Under which a party is told; without one the sketch is for everybody."""
    to: Name | None = None
    """The party, where the collaboration has several others."""
    dry_run: bool = False


@router.post("/sketches", status_code=201)
def make(body: SketchBody, node: Here, caller: Calling, response: Response) -> dict[str, Any]:
    """Make a sketch of a dataset's permitted people, charged first; dry: only what it costs."""
    parts = node.services
    topic = Topic(body.campaign, body.period, body.identifier, body.at_least, body.exponent)
    if body.collaboration is not None:
        take_up_news(parts)
    to = recipients.recipient_of(parts, body.dataset, body.collaboration or "", body.to or "")
    asked = sketches.Asked(topic, body.dataset, body.purpose)
    if body.dry_run:
        response.status_code = 200
        return sketches.look_ahead(parts, asked, body.epsilon_milli, to)
    made = sketches.make(parts, asked, body.epsilon_milli, to, caller.words)
    return sketches.document(made, to) | {"sketch": base64.b64encode(made.sketch).decode()}
