"""Base of all request bodies of the node's interface: unknown fields are errors."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from protocols.dp.budget import Rho

Name = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_-]{0,62}$")]
"""Name of a dataset, a rule, a purpose, a collaboration."""

RhoText = Annotated[str, Field(pattern=r"^[0-9]{1,9}(\.[0-9]{1,9})?$", examples=["0.005"])]
"""A rho as a decimal with at most nine places; text, because no float decides what is paid."""


class Strict(BaseModel):
    """A request body."""

    model_config = ConfigDict(extra="forbid", frozen=True)


def nano(text: str) -> int:
    """Return a `RhoText` in billionths."""
    return Rho.parse(text).nano
