"""What a publisher says in a TC string: restrictions on vendors, and consent for itself."""

import dataclasses
import enum

from consent.signals.errors import MalformedSignal
from consent.signals.ids import Ids

NO_IDS = Ids()


class RestrictionType(enum.IntEnum):
    """What a publisher requires of vendors for a purpose; 3 is undefined and permits nothing."""

    NOT_ALLOWED = 0
    REQUIRE_CONSENT = 1
    REQUIRE_LEGITIMATE_INTEREST = 2
    UNDEFINED = 3


@dataclasses.dataclass(frozen=True, slots=True)
class Restriction:
    """A publisher's restriction: a purpose from 1 to 63, its type, and the vendors it is for."""

    purpose: int
    type: RestrictionType
    vendors: Ids


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class PublisherTc:
    """The publisher's own transparency and consent; the custom purposes are numbered from 1."""

    purposes_consent: Ids = NO_IDS
    purposes_legitimate_interest: Ids = NO_IDS
    custom_purposes: int = 0
    custom_purposes_consent: Ids = NO_IDS
    custom_purposes_legitimate_interest: Ids = NO_IDS

    def __post_init__(self) -> None:
        if not 0 <= self.custom_purposes < 64:
            raise MalformedSignal("there are at most 63 custom purposes")
        check_width(24, self.purposes_consent, self.purposes_legitimate_interest)
        custom = self.custom_purposes_consent, self.custom_purposes_legitimate_interest
        check_width(self.custom_purposes, *custom)


def check_width(width: int, *fields: Ids) -> None:
    """Return if no field has an id above its width.

    Raises: MalformedSignal.
    """
    if any(ids.highest > width for ids in fields):
        raise MalformedSignal(f"a field of {width} bits has ids from 1 to {width}")
