"""`accord consent`: what people said, and why somebody may be used or not."""

import secrets
from pathlib import Path
from typing import Annotated, Any

import typer

from consent.words import SELF
from party_node.cli import imports, mapping
from party_node.cli.output import (
    DEFAULT_HOME,
    DONE,
    REFUSED,
    HomeOption,
    JsonOption,
    client_of,
    group,
    say,
    show_json,
    usage_of,
    when,
)

app = group("consent", "Record what people said, and explain decisions.")

Email = Annotated[str | None, typer.Option(help="The person's e-mail address.")]
Phone = Annotated[str | None, typer.Option(help="The person's telephone number.")]
Purpose = Annotated[str, typer.Option(help="Purpose, as joint-audience.")]
Recipient = Annotated[str, typer.Option(help="Party that may use the data; self for this one.")]
Method = Annotated[str, typer.Option(help="How it was said: web-form, phone, in-person, …")]
EventId = Annotated[
    str | None, typer.Option("--event-id", help="Your own id of the event; the same is kept once.")
]


app.add_typer(mapping.app)
app.command("import")(imports.import_file)


@app.command()
def give(
    purpose: Purpose,
    email: Email = None,
    phone: Phone = None,
    recipient: Recipient = SELF,
    separate: Annotated[
        bool, typer.Option("--separate", help="Given by an act of its own for this recipient.")
    ] = False,
    method: Method = "in-person",
    event_id: EventId = None,
    home: HomeOption = DEFAULT_HOME,
    as_json: JsonOption = False,
) -> None:
    """Record that a person gave consent."""
    said = {"state": "given", "purpose": purpose, "recipient": recipient, "method": method}
    _record(home, said | {"separate": separate}, _person(email, phone), event_id, as_json)


@app.command()
def refuse(
    purpose: Purpose,
    email: Email = None,
    phone: Phone = None,
    recipient: Recipient = SELF,
    method: Method = "in-person",
    event_id: EventId = None,
    home: HomeOption = DEFAULT_HOME,
    as_json: JsonOption = False,
) -> None:
    """Record that a person was asked and said no."""
    said = {"state": "refused", "purpose": purpose, "recipient": recipient, "method": method}
    _record(home, said, _person(email, phone), event_id, as_json)


@app.command()
def withdraw(
    purpose: Purpose,
    email: Email = None,
    phone: Phone = None,
    recipient: Recipient = SELF,
    method: Method = "in-person",
    event_id: EventId = None,
    home: HomeOption = DEFAULT_HOME,
    as_json: JsonOption = False,
) -> None:
    """Record that a person takes consent back; it counts from the next decision on."""
    said = {"state": "withdrawn", "purpose": purpose, "recipient": recipient, "method": method}
    _record(home, said, _person(email, phone), event_id, as_json)


@app.command()
def explain(
    purpose: Purpose,
    operation: Annotated[str, typer.Option(help="psi, dp.stat, activate, …")],
    email: Email = None,
    phone: Phone = None,
    recipient: Recipient = SELF,
    home: HomeOption = DEFAULT_HOME,
    as_json: JsonOption = False,
) -> None:
    """Say whether a person may be used now, and which ledger entry decides. Exit code 3 for no."""
    asked = {"purpose": purpose, "operation": operation, "recipient": recipient}
    found = client_of(home).post("/v1/consent/explanations", asked | _person(email, phone))
    if as_json:
        show_json(found)
    else:
        _explain(found)
    raise typer.Exit(DONE if found["decision"] == "allow" else REFUSED)


def _explain(found: dict[str, Any]) -> None:
    say(f"{'permitted' if found['decision'] == 'allow' else 'not permitted'}: {found['reason']}")
    entry = found["deciding_entry"]
    if entry is None:
        say(f"no entry says otherwise; looked at all {found['tree_size']:,} entries")
    else:
        say(f"decided by entry {entry['index']} of {when(entry['recorded_ms'])}")


def _record(
    home: Path, said: dict[str, Any], person: dict[str, Any], event_id: str | None, as_json: bool
) -> None:
    key = {"Idempotency-Key": event_id or secrets.token_hex(16)}
    found = client_of(home).post("/v1/consent/events", said | person, key)
    if as_json:
        show_json(found)
        return
    known = " (known already)" if found["repeated"] else ""
    say(f"recorded as entry {found['index']} of the consent ledger{known}")


def _person(email: str | None, phone: str | None) -> dict[str, Any]:
    with usage_of("the person"):
        if (email is None) == (phone is None):
            raise ValueError("give --email or --phone, one of the two")
    return {"email": email} if email is not None else {"phone": phone}
