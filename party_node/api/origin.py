"""Where a statement about one person comes from, as every request that brings one says it."""

from typing import Annotated

from fastapi import Header
from pydantic import AfterValidator, Field

from consent.statements import Method, Relation
from party_node.api.strict import Name, Strict
from party_node.capture.ends import check_duration
from party_node.capture.statement import Origin, known_zone
from party_node.errors import NotFound

SOURCE = "node-api"
"""Source of events that come in here, unless the caller names its own."""

EventId = Annotated[
    str, Header(alias="Idempotency-Key", min_length=1, max_length=200, pattern=r"^[\x21-\x7e]+$")
]
Place = Annotated[str, Field(pattern=r"^[A-Z]{2}(-[A-Z0-9]{1,3})?$")]
Channel = Annotated[str, Field(pattern=r"^(\*|[a-z0-9][a-z0-9_-]{0,62})$")]
Instant = Annotated[int, Field(ge=0, le=253_402_300_799_999)]
"""Milliseconds since 1970, to the end of 9999."""
Duration = Annotated[str, Field(max_length=32), AfterValidator(check_duration)]


def _known(name: str) -> str:
    try:
        known_zone(name)
    except NotFound as e:
        raise ValueError("no IANA name of a time zone, as Europe/Paris") from e
    return name


Zone = Annotated[str, Field(min_length=1, max_length=64), AfterValidator(_known)]


class OriginBody(Strict):
    """Where a statement comes from, and when it was made."""

    source: Name = SOURCE
    method: Method = Method.IN_PERSON
    """How it was captured; of a source that is not first-hand it is `import`, whatever is said."""
    relation: Relation = Relation.SUBJECT
    jurisdiction: Place | None = None
    """ISO 3166 code of the law that applied; this node's default region if absent."""
    event_time_ms: Instant | None = None
    """When it happened; now if absent."""
    time_zone: Zone | None = None
    """IANA name of the person's zone."""

    def origin(self, key: str) -> Origin:
        """Return it under the source's own id of the event."""
        return Origin(
            source_id=self.source,
            source_event_id=key,
            method=self.method,
            relation=self.relation,
            event_time_ms=self.event_time_ms,
            time_zone=self.time_zone,
        )

    def stated(self) -> tuple[str, ...]:
        """Return what the caller states, of the fields that follow from something otherwise."""
        named = ("event_time_ms", "jurisdiction", "valid_until_ms", "validity")
        return tuple(name for name in named if getattr(self, name, None) is not None)
