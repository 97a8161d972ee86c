"""`accord consent give | refuse | withdraw`: one list of options, and those that only a yes has."""

import inspect
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from consent.words import ANY_CHANNEL, SELF
from party_node.cli.output import (
    DEFAULT_HOME,
    HomeOption,
    JsonOption,
    client_of,
    note,
    say,
    show_json,
    when,
)
from party_node.cli.statement import (
    Email,
    EventId,
    Method,
    Phone,
    RelationOption,
    Source,
    idempotency,
    instant,
    listed,
    person,
    without_none,
)

Purpose = Annotated[str, typer.Option(help="Purpose, as joint-audience.")]
Recipient = Annotated[str, typer.Option(help="Party that may use the data; self for this one.")]
Channel = Annotated[str, typer.Option(help="Only by this channel, as email; * for every one.")]
_NOTICE_HELP = "What was shown: the hash of a notice, or ID:VERSION:LANGUAGE."

_Option = tuple[Any, Any]
"""(annotation, default)."""
_REQUIRED = inspect.Parameter.empty
_ALL: Mapping[str, _Option] = {
    "purpose": (Purpose, _REQUIRED),
    "email": (Email, None),
    "phone": (Phone, None),
    "recipient": (Recipient, SELF),
    "channel": (Channel, ANY_CHANNEL),
    "method": (Method, "in-person"),
    "relation": (RelationOption, "subject"),
    "source": (Source, None),
    "jurisdiction": (
        Annotated[
            str | None, typer.Option(help="Whose law applied, as DE; or the default region.")
        ],
        None,
    ),
    "residence": (
        Annotated[str | None, typer.Option(help="Where the person lives, as US-CA.")],
        None,
    ),
    "notice": (Annotated[str | None, typer.Option(help=_NOTICE_HELP)], None),
    "at": (Annotated[str | None, typer.Option(help="When it was said; now, if left out.")], None),
    "event_id": (EventId, None),
}
_YES: Mapping[str, _Option] = {
    "separate": (
        Annotated[
            bool, typer.Option("--separate", help="Given by an act of its own for this recipient.")
        ],
        False,
    ),
    "written": (Annotated[bool, typer.Option("--written", help="Given in writing.")], False),
    "listed_": (
        Annotated[
            str | None,
            typer.Option("--listed", help="Narrower purposes that the notice listed: a,b."),
        ],
        None,
    ),
    "valid_for": (
        Annotated[str | None, typer.Option(help="How long it holds, as P13M.")],
        None,
    ),
    "valid_until": (
        Annotated[str | None, typer.Option(help="Or until when: a date, or a time with zone.")],
        None,
    ),
    "age_band": (
        Annotated[
            str | None,
            typer.Option(help="under-13, 13, 14, 15, 16-17 or adult."),
        ],
        None,
    ),
}
_LAST: Mapping[str, _Option] = {
    "home": (HomeOption, DEFAULT_HOME),
    "as_json": (JsonOption, False),
}


def saying(state: str, *, yes: bool) -> Callable[..., None]:
    """Return the command that records this state."""
    options = {**_ALL, **(_YES if yes else {}), **_LAST}

    def command(**given: Any) -> None:
        _record(state, given)

    keyword = inspect.Parameter.KEYWORD_ONLY
    command.__signature__ = inspect.Signature(  # type: ignore[attr-defined]
        [
            inspect.Parameter(name, keyword, default=default, annotation=annotation)
            for name, (annotation, default) in options.items()
        ]
    )
    command.__annotations__ = {name: annotation for name, (annotation, _) in options.items()}
    return command


def _record(state: str, given: dict[str, Any]) -> None:
    home: Path = given["home"]
    body = person(given["email"], given["phone"]) | {
        "state": state,
        "purpose": given["purpose"],
        "recipient": given["recipient"],
        "channel": given["channel"],
        "method": given["method"],
        "relation": given["relation"],
    }
    body |= without_none(
        source=given["source"],
        jurisdiction=given["jurisdiction"],
        residence=given["residence"],
        notice=None if given["notice"] is None else notice_named(given["notice"]),
        event_time_ms=None if given["at"] is None else instant("--at", given["at"]),
    )
    if "separate" in given:
        body |= _yes(given)
    found = client_of(home).post("/v1/consent/events", body, idempotency(given["event_id"]))
    if given["as_json"]:
        show_json(found)
        return
    known = " (known already)" if found["repeated"] else ""
    say(f"recorded as entry {found['index']} of the consent ledger{known}")
    if found["valid_until_ms"] is not None:
        say(f"it holds until {when(found['valid_until_ms'])}")
    if found["new_person"]:
        note("nobody was known here by this identifier: it is kept for a new person")


def _yes(given: dict[str, Any]) -> dict[str, Any]:
    until = given["valid_until"]
    return {"separate": given["separate"], "written": given["written"]} | without_none(
        listed=listed(given["listed_"]) or None,
        validity=given["valid_for"],
        valid_until_ms=None if until is None else instant("--valid-until", until),
        age_band=given["age_band"],
    )


def notice_named(text: str) -> str | dict[str, Any]:
    """Return a notice as a request names it: by hash, or by id, version and language."""
    notice_id, _, rest = text.partition(":")
    version, _, language = rest.partition(":")
    if not language or not version.isdecimal():
        return text
    return {"notice_id": notice_id, "version": int(version), "language": language}
