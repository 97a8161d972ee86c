"""What a request says when it comes in, and whom it is about."""

import hmac
import json
from collections.abc import Iterable
from dataclasses import dataclass, field

from consent.events import ConsentEvent
from consent.requests import RequestType
from consent.statements import Relation
from party_node.identity import EMAIL, NOBODY, Identity
from party_node.ledger.entries import LedgerEntry
from party_node.requests.channels import RequestChannel

MAKES_KNOWN = frozenset(
    {
        RequestType.ERASE,
        RequestType.OBJECT,
        RequestType.OPT_OUT_OF_SALE,
        RequestType.RESTRICT,
        RequestType.WITHDRAW,
    }
)
"""A no to what may come later, be it before the request is completed or by a copy after it: it is
kept also of somebody of whom nothing is known yet.
"""


@dataclass(frozen=True, slots=True)
class Asked:
    """One request, as somebody brings it."""

    kind: RequestType
    identifier: tuple[str, str] = field(repr=False)
    """Kind and normalised value: they name the person, and are not kept."""
    channel: RequestChannel
    relation: Relation = Relation.SUBJECT
    received_ms: int | None = None
    """When it came in; now if None."""
    place: str = ""
    """ISO 3166 code of where the person lives, if they say so."""
    purposes: tuple[str, ...] = ()
    """What it is about; everything if it names nothing."""

    def digest(self, key: bytes) -> bytes:
        """Return 32 bytes that are equal for two requests iff they ask the same."""
        said = [
            self.kind.value, *self.identifier, self.channel.value, self.relation.value,
            self.received_ms, self.place, *sorted(self.purposes),
        ]  # fmt: skip
        return hmac.digest(key, json.dumps(said).encode(), "sha256")

    def subject(self, identity: Identity) -> int | None:
        """Return the person's number; None if nothing is known of them, nor needs to be."""
        found = identity.find(*self.identifier)
        if found is not None or self.kind not in MAKES_KNOWN:
            return found
        kind, value = self.identifier
        emails, phones = ([value], [None]) if kind == EMAIL else ([None], [value])
        made = int(identity.resolve(emails, phones).dense[0])
        return None if made == NOBODY else made


def places_of(entries: Iterable[LedgerEntry]) -> list[str]:
    """Return the places whose law applies to a person, as their consents tell, each once."""
    found: dict[str, None] = {}
    for entry in entries:
        if isinstance(entry.record, ConsentEvent):
            for place in (entry.record.jurisdiction, entry.record.residence):
                if place:
                    found[place] = None
    return list(found)
