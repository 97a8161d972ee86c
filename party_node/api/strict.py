"""Base of all request bodies of the node's interface: unknown fields are errors."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from protocols.dp.budget import Rho

Name = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_-]{0,62}$")]
"""Name of a dataset, a rule, a purpose, a collaboration."""

RhoText = Annotated[str, Field(pattern=r"^[0-9]{1,9}(\.[0-9]{1,9})?$", examples=["0.005"])]
"""A rho as a decimal with at most nine places; text, because no float decides what is paid."""

NoticeHash = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
"""SHA-256 of the text of a notice."""
NoticeId = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9._-]{0,62}$")]
Language = Annotated[str, Field(pattern=r"^[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8}){0,4}$")]
"""A BCP 47 tag."""
By = Annotated[str, Field(pattern=r"^[^\x00-\x1f\x7f]{1,100}$")]
"""Who decides, as `dana`."""


class Strict(BaseModel):
    """A request body."""

    model_config = ConfigDict(extra="forbid", frozen=True)


def nano(text: str) -> int:
    """Return a `RhoText` in billionths."""
    return Rho.parse(text).nano
