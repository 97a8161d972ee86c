"""`accord signal` and the signals of `accord consent`: what browsers and consent platforms say."""

import secrets
import sys
from typing import Annotated, Any

import typer

from consent.defaults import DEFAULT_VOCABULARY
from consent.signals.describing import describe, kind_of_text
from consent.signals.meaning import said_by
from consent.words import SELF
from party_node.cli.consent import app as consent_app
from party_node.cli.output import (
    DEFAULT_HOME,
    HomeOption,
    JsonOption,
    client_of,
    group,
    say,
    show_json,
    table,
    usage_of,
)
from party_node.cli.saying import Purpose
from party_node.cli.statement import Email, EventId, Phone

app = group("signal", "Read privacy signals: TCF, GPP, Global Privacy Control.")

_PATH = "/v1/consent/signals"

Recipients = Annotated[
    list[str] | None,
    typer.Option("--recipient", help="Party that it is about besides this one; may be repeated."),
]
Source = Annotated[str, typer.Option(help="Name of the site or system that saw it.")]
Jurisdiction = Annotated[str | None, typer.Option(help="Whose law applied, as US-CA.")]


@app.command()
def decode(
    string: Annotated[str, typer.Argument(help="The string; - reads it from stdin.")],
    as_json: JsonOption = False,
) -> None:
    """Show what a TC string, a GPP string or a GPC value says; no node is asked."""
    text = sys.stdin.read().strip() if string == "-" else string
    found = describe(text)
    found["meanings"] = [
        {"purpose": said.purpose, "state": said.state.value, "by": said.by.value}
        for said in said_by(kind_of_text(text), text, DEFAULT_VOCABULARY)
    ]
    if as_json:
        show_json(found)
        return
    meanings = found.pop("meanings")
    _show(found)
    assert isinstance(meanings, list)
    rows = [[m["purpose"], m["state"], m["by"]] for m in meanings]
    say()
    table(["purpose", "state", "by"], rows, "it says nothing about the purposes of this version")


@consent_app.command("signal")
def take(
    email: Email = None,
    phone: Phone = None,
    gpc: Annotated[str | None, typer.Option(help="Value of the header Sec-GPC.")] = None,
    tcf: Annotated[str | None, typer.Option(help="TC string.")] = None,
    gpp: Annotated[str | None, typer.Option(help="GPP string.")] = None,
    recipient: Recipients = None,
    source: Source = "node-api",
    jurisdiction: Jurisdiction = None,
    event_id: EventId = None,
    home: HomeOption = DEFAULT_HOME,
    as_json: JsonOption = False,
) -> None:
    """Take a signal that was seen about a person; a no counts from the next decision on."""
    who = _person(email, phone)
    with usage_of("the signal"):
        if gpc is None and tcf is None and gpp is None:
            raise ValueError("give --gpc, --tcf or --gpp")
    body = {
        "gpc": None if gpc is None else [gpc],
        "tcf": tcf,
        "gpp": gpp,
        "recipients": recipient or [],
        "source": source,
        "jurisdiction": jurisdiction,
    }
    key = {"Idempotency-Key": event_id or secrets.token_hex(16)}
    found = client_of(home).post(_PATH, body | who, key)
    if as_json:
        show_json(found)
        return
    for taken in found["signals"]:
        _say_taken(taken)


@consent_app.command("confirm")
def confirm(
    purpose: Purpose,
    email: Email = None,
    phone: Phone = None,
    recipient: Recipients = None,
    separate: Annotated[
        bool, typer.Option("--separate", help="Given by an act of its own for each recipient.")
    ] = False,
    source: Source = "node-api",
    method: Annotated[str, typer.Option(help="How it was said: web-form, phone, …")] = "web-form",
    jurisdiction: Jurisdiction = None,
    event_id: EventId = None,
    home: HomeOption = DEFAULT_HOME,
    as_json: JsonOption = False,
) -> None:
    """Record that a person who was told of GPC says yes in spite of it."""
    who = _person(email, phone)
    body = {
        "purpose": purpose,
        "recipients": recipient or [],
        "separate": separate,
        "source": source,
        "method": method,
        "jurisdiction": jurisdiction,
    }
    key = {"Idempotency-Key": event_id or secrets.token_hex(16)}
    found = client_of(home).post(f"{_PATH}/confirmations", body | who, key)
    if as_json:
        show_json(found)
        return
    entries = ", ".join(str(index) for index in found["indices"])
    say(f"recorded as entries {entries} of the consent ledger")


@consent_app.command("signal-out")
def tell(
    email: Email = None,
    phone: Phone = None,
    recipient: Annotated[str, typer.Option(help="Whose use is meant; self for this one.")] = SELF,
    jurisdiction: Jurisdiction = None,
    cmp_id: Annotated[
        int | None, typer.Option(help="Id of the consent platform; without it no TC string.")
    ] = None,
    vendor_list: Annotated[int, typer.Option(help="Version of the global vendor list.")] = 0,
    language: Annotated[str, typer.Option(help="Two letters: what the person was shown.")] = "EN",
    country: Annotated[str, typer.Option(help="Two letters: the publisher's country.")] = "AA",
    home: HomeOption = DEFAULT_HOME,
    as_json: JsonOption = False,
) -> None:
    """Say as GPP and TC strings what the ledger permits about a person now."""
    who = _person(email, phone)
    tcf = {
        "cmp_id": cmp_id,
        "vendor_list_version": vendor_list,
        "language": language,
        "publisher_country": country,
    }
    body = {
        "recipient": recipient,
        "jurisdiction": jurisdiction,
        "tcf": None if cmp_id is None else tcf,
    }
    found = client_of(home).post(f"{_PATH}/encode", body | who)
    if as_json:
        show_json(found)
        return
    say(f"GPP {found['gpp']}")
    if found["tcf"] is not None:
        say(f"TCF {found['tcf']}")
    table(["purpose", "ledger"], sorted(found["purposes"].items()), "there are no purposes")


def _person(email: str | None, phone: str | None) -> dict[str, str]:
    with usage_of("the person"):
        if email is not None and phone is None:
            return {"email": email}
        if phone is not None and email is None:
            return {"phone": phone}
        raise ValueError("give --email or --phone, one of the two")


def _say_taken(taken: dict[str, Any]) -> None:
    known = " (known already)" if taken["repeated"] else ""
    where = "" if taken["index"] is None else f", entry {taken['index']}"
    say(f"{taken['signal']}: {taken['conclusion']}{where}{known}")
    for purpose in taken["against"]:
        say(f"  contradicts what stood for {purpose}: the person may be asked")


def _show(found: dict[str, Any], margin: str = "") -> None:
    """Print one `name: value` a line, what lies inside further in."""
    for name, value in found.items():
        if isinstance(value, list) and any(isinstance(item, dict) for item in value):
            for item in value:
                say(f"{margin}{name}:")
                _show(item, margin + "  ")
        else:
            shown = ", ".join(map(str, value)) if isinstance(value, list) else str(value)
            say(f"{margin}{name}: {shown or '-'}")
