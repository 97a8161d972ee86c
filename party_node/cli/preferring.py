"""`accord consent prefer` and `preferences`: what people chose beyond consent."""

import re
from collections.abc import Iterable
from typing import Annotated, Any

import typer

from consent.words import ANY_CHANNEL
from party_node.cli.output import (
    DEFAULT_HOME,
    HomeOption,
    JsonOption,
    client_of,
    note,
    say,
    show_json,
    table,
    usage_of,
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

_DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_CAP = re.compile(r"(\d{1,5})/(hour|day|week|month)", re.ASCII)
_HOURS = re.compile(r"(\d\d:\d\d)-(\d\d:\d\d)", re.ASCII)
Many = list[str] | None


def prefer(
    email: Email = None,
    phone: Phone = None,
    channel: Annotated[
        Many, typer.Option(help="email=off, sms=on, *=off; may be repeated.")
    ] = None,
    topic: Annotated[Many, typer.Option(help="sport=off; may be repeated.")] = None,
    pause_until: Annotated[
        Many, typer.Option(help="Nothing before: a date or time, or now; email=2027-02-01.")
    ] = None,
    cap: Annotated[Many, typer.Option(help="At most: 3/week, or email=1/day.")] = None,
    rolling: Annotated[
        bool, typer.Option("--rolling", help="Count the caps over the last hours, not by calendar.")
    ] = False,
    quiet: Annotated[Many, typer.Option(help="22:00-06:00, sms=20:00-08:00, or off.")] = None,
    days: Annotated[
        str | None, typer.Option(help="Days on which the quiet hours begin: mon,tue.")
    ] = None,
    language: Annotated[
        str | None, typer.Option(help="The language that the person reads.")
    ] = None,
    time_zone: Annotated[str | None, typer.Option(help="As Europe/Zurich.")] = None,
    automated_decisions: Annotated[
        str | None, typer.Option(help="on or off: may machines choose what the person gets?")
    ] = None,
    method: Method = "in-person",
    relation: RelationOption = "subject",
    source: Source = None,
    at: Annotated[str | None, typer.Option(help="When it was said; now, if left out.")] = None,
    event_id: EventId = None,
    home: HomeOption = DEFAULT_HOME,
    as_json: JsonOption = False,
) -> None:
    """Record what a person chose: channels, topics, pauses, caps, quiet hours, language."""
    choices = [
        *(_switch("--channel", "channel", text) for text in channel or ()),
        *(_switch("--topic", "topic", text) for text in topic or ()),
        *(_pause(text) for text in pause_until or ()),
        *(_cap(text, rolling=rolling) for text in cap or ()),
        *(_quiet(text, days) for text in quiet or ()),
    ]
    if language is not None:
        choices.append({"kind": "language", "tag": language})
    if time_zone is not None:
        choices.append({"kind": "time-zone", "zone": time_zone})
    if automated_decisions is not None:
        allowed = _on_off("--automated-decisions", automated_decisions)
        choices.append({"kind": "automated-decisions", "allowed": allowed})
    with usage_of("the choice"):
        if not choices:
            raise ValueError("say at least one, as --channel email=off")
    body = person(email, phone) | {"choices": choices, "method": method, "relation": relation}
    body |= without_none(source=source, event_time_ms=None if at is None else instant("--at", at))
    found = client_of(home).post("/v1/consent/preferences", body, idempotency(event_id))
    if as_json:
        show_json(found)
        return
    known = " (known already)" if found["repeated"] else ""
    entries = ", ".join(str(index) for index in found["indices"])
    say(f"recorded as {'entry' if len(choices) == 1 else 'entries'} {entries}{known}")
    if found["new_person"]:
        note("nobody was known here by this identifier: it is kept for a new person")


def preferences(
    email: Email = None,
    phone: Phone = None,
    home: HomeOption = DEFAULT_HOME,
    as_json: JsonOption = False,
) -> None:
    """Show what a person has chosen, as it stands now."""
    found = client_of(home).post("/v1/consent/preferences/current", person(email, phone))
    if as_json:
        show_json(found)
        return
    rows = [
        [p["kind"], _about(p), _told(p), p["entry"], when(p["since_ms"])]
        for p in found["preferences"]
    ]
    nothing = "the person has chosen nothing"
    table(["what", "about", "choice", "entry", "since"], rows, nothing)


def _about(found: dict[str, Any]) -> str:
    about = found.get("channel", found.get("topic", ""))
    return "every channel" if about == ANY_CHANNEL else str(about)


def _told(found: dict[str, Any]) -> str:
    match found["kind"]:
        case "pause":
            return f"nothing before {when(found['until_ms'])}"
        case "frequency-cap":
            how = " (rolling)" if found["basis"] == "rolling" else ""
            return f"at most {found['limit']} per {found['per']}{how}"
        case "quiet-hours":
            on = ",".join(_DAYS[day - 1] for day in found["days"])
            return f"{found['start']} to {found['end']}, begins on {on}"
        case "language":
            return str(found["tag"])
        case "time-zone":
            return str(found["zone"])
        case _:
            return "on" if found["allowed"] else "off"


def _switch(option: str, kind: str, text: str) -> dict[str, Any]:
    about, _, value = text.partition("=")
    return {"kind": kind, kind: about, "allowed": _on_off(option, value)}


def _on_off(option: str, value: str) -> bool:
    with usage_of(option):
        if value not in ("on", "off"):
            raise ValueError(
                "write NAME=on or NAME=off" if "decisions" not in option else "on or off"
            )
    return value == "on"


def _scoped(text: str) -> tuple[str, str]:
    """Return (channel, rest) of `email=REST`; every channel where none is named."""
    channel, named, rest = text.partition("=")
    return (channel, rest) if named else (ANY_CHANNEL, text)


def _pause(text: str) -> dict[str, Any]:
    channel, until = _scoped(text)
    if until == "now":  # any instant that has passed ends a pause
        return {"kind": "pause", "until_ms": 0, "channel": channel}
    return {"kind": "pause", "until_ms": instant("--pause-until", until), "channel": channel}


def _cap(text: str, *, rolling: bool) -> dict[str, Any]:
    channel, rest = _scoped(text)
    with usage_of("--cap"):
        found = _CAP.fullmatch(rest)
        if found is None:
            raise ValueError("write it as 3/week: hour, day, week or month")
    return {
        "kind": "frequency-cap",
        "limit": int(found[1]),
        "per": found[2],
        "basis": "rolling" if rolling else "calendar",
        "channel": channel,
    }


def _quiet(text: str, days: str | None) -> dict[str, Any]:
    channel, rest = _scoped(text)
    body: dict[str, Any] = {"kind": "quiet-hours", "channel": channel}
    if rest == "off":
        return body | {"start": "00:00", "end": "00:00", "days": []}
    with usage_of("--quiet"):
        found = _HOURS.fullmatch(rest)
        if found is None:
            raise ValueError("write it as 22:00-06:00, or off")
    body |= {"start": found[1], "end": found[2]}
    return body | ({} if days is None else {"days": _numbers(listed(days))})


def _numbers(days: Iterable[str]) -> list[int]:
    with usage_of("--days"):
        numbers = [_DAYS.index(day) + 1 for day in days if day in _DAYS]
        if not numbers or len(numbers) != len(list(days)):
            raise ValueError(f"write days as {','.join(_DAYS)}")
    return sorted(set(numbers))
