"""What commands that bring a person's word share: who, how it was said, and when."""

import datetime
import secrets
from typing import Annotated, Any

import typer

from party_node.cli.output import usage_of

Email = Annotated[str | None, typer.Option(help="The person's e-mail address.")]
Phone = Annotated[str | None, typer.Option(help="The person's telephone number.")]
Method = Annotated[str, typer.Option(help="How it was said: web-form, phone, in-person, …")]
RelationOption = Annotated[
    str, typer.Option("--relation", help="Who said it: subject, guardian, agent, staff.")
]
Source = Annotated[str | None, typer.Option(help="Name of the system that it comes from.")]
EventId = Annotated[
    str | None, typer.Option("--event-id", help="Your own id of the event; the same is kept once.")
]


def person(email: str | None, phone: str | None) -> dict[str, Any]:
    """Return the part of a request that names the person, by one of the two."""
    with usage_of("the person"):
        if (email is None) == (phone is None):
            raise ValueError("give --email or --phone, one of the two")
    return {"email": email} if email is not None else {"phone": phone}


def idempotency(event_id: str | None) -> dict[str, str]:
    """Return the header that makes a repetition harmless."""
    return {"Idempotency-Key": event_id or secrets.token_hex(16)}


def instant(option: str, text: str) -> int:
    """Return a date (its start in UTC) or a time with its zone, in milliseconds since 1970."""
    with usage_of(option):
        try:
            moment = datetime.datetime.fromisoformat(text)
        except ValueError:
            raise ValueError("write a date, or a time with its zone: 2027-01-31T08:00Z") from None
        if len(text) == len("2027-01-31"):
            moment = moment.replace(tzinfo=datetime.UTC)
        if moment.tzinfo is None:
            raise ValueError("say the time zone too, as 2027-01-31T08:00Z")
        ms = round(moment.timestamp() * 1000)
        if ms < 0:
            raise ValueError("write a time from 1970 on")
    return ms


def without_none(**fields: Any) -> dict[str, Any]:
    """Return what was said: the fields that are not None."""
    return {name: value for name, value in fields.items() if value is not None}


def listed(text: str | None) -> list[str]:
    """Return the names in a list that is written with commas."""
    return [name for part in (text or "").split(",") if (name := part.strip())]
