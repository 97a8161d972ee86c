"""`accord consent receipt`: what a person gets in hand."""

import getpass
import json
from pathlib import Path
from typing import Annotated, Any

import typer

from party_node.cli.output import (
    DEFAULT_HOME,
    NOT_READY,
    HomeOption,
    JsonOption,
    client_of,
    note,
    say,
    show_json,
    usage_of,
)


def receipt(
    email: Annotated[str | None, typer.Option(help="The person's e-mail address.")] = None,
    phone: Annotated[str | None, typer.Option(help="The person's telephone number.")] = None,
    purpose: Annotated[str | None, typer.Option(help="Only about this purpose.")] = None,
    every: Annotated[
        bool, typer.Option("--all", help="Also for what the person changed since.")
    ] = False,
    out: Annotated[
        Path | None, typer.Option("--out", help="Folder for a file of each; else to stdout.")
    ] = None,
    by: Annotated[str, typer.Option("--by", help="Who asks; your login name by default.")] = "",
    home: HomeOption = DEFAULT_HOME,
    as_json: JsonOption = False,
) -> None:
    """Make signed receipts for what a person said; `accord-verify receipt FILE` checks one.

    Exit code 75 if the witnesses have not seen all of it yet.
    """
    with usage_of("the person"):
        if (email is None) == (phone is None):
            raise ValueError("give --email or --phone, one of the two")
    person = {"email": email} if email is not None else {"phone": phone}
    body = {"purpose": purpose, "every": every, "by": by or getpass.getuser()}
    found = client_of(home).post("/v1/consent/receipts", person | body)
    if out is not None:
        _write(out, found)
    if as_json:
        show_json(found)
    elif out is None:
        for one in found["receipts"]:
            say(_text(one["receipt"]))
    if found["waiting"]:
        waiting = ", ".join(map(str, found["waiting"]))
        note(f"not published yet, so without a receipt: entry {waiting}")
        raise typer.Exit(NOT_READY)
    if not found["receipts"]:
        note("the person has said nothing that a receipt could be about")


def _write(folder: Path, found: dict[str, Any]) -> None:
    with usage_of(str(folder)):
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        for one in found["receipts"]:
            path = folder / f"{one['index']}.receipt.json"
            path.touch(mode=0o600)
            path.write_text(_text(one["receipt"]), encoding="utf-8")
            note(f"{path}: {one['state']} for {one['purpose']}, {one['recipient']}")
        key = folder / "receipt-key.jwk"
        key.write_text(json.dumps(found["key"], sort_keys=True) + "\n", encoding="utf-8")


def _text(receipt: dict[str, str]) -> str:
    """Return a receipt in the one spelling of its file."""
    from consent.receipt import SignedReceipt

    return SignedReceipt(receipt["receipt"], receipt["proof"]).encode().decode()
