"""How a request names one person; it is never logged."""

from typing import Annotated

from pydantic import Field, model_validator

from party_node.api.strict import Strict
from party_node.identity import EMAIL, PHONE
from protocols.identifiers import normalise_email, normalise_phone

Identifier = Annotated[str, Field(min_length=3, max_length=320)]


class Person(Strict):
    """Names one person by exactly one identifier."""

    email: Identifier | None = Field(default=None, repr=False)
    phone: Identifier | None = Field(default=None, repr=False)

    @model_validator(mode="after")
    def _one(self) -> "Person":
        if (self.email is None) == (self.phone is None):
            raise ValueError("name the person by email or by phone, one of the two")
        return self

    def normalised(self, region: str) -> tuple[str, str]:
        """Return kind and value. Raises: InvalidIdentifier."""
        return normalised(self.email, self.phone, region)


def normalised(email: str | None, phone: str | None, region: str) -> tuple[str, str]:
    """Return kind and value of the one that is there. Raises: InvalidIdentifier."""
    if email is not None:
        return EMAIL, normalise_email(email)
    return PHONE, normalise_phone(phone or "", region)
