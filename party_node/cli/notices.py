"""`accord notice`: the texts that people are shown."""

import difflib
import hashlib
from pathlib import Path
from typing import Annotated, Any

import typer

from party_node.cli.output import (
    DEFAULT_HOME,
    HomeOption,
    JsonOption,
    client_of,
    group,
    say,
    say_all,
    show_json,
    table,
    usage_of,
    when,
)
from party_node.cli.statement import instant, listed, without_none
from party_node.local_client import LocalClient

app = group("notice", "Publish and show the texts that people are shown.")

Hash = Annotated[str, typer.Argument(help="Hash of the notice, or how it begins.")]
_SHORTEST = 8


@app.command()
def publish(
    path: Annotated[Path, typer.Argument(help="The text, exactly as it is shown (UTF-8).")],
    notice_id: Annotated[str, typer.Option("--id", help="Name of the notice, as newsletter.")],
    version: Annotated[int, typer.Option(min=1, help="Version, counted up.")],
    language: Annotated[str, typer.Option(help="Language of the text, as en or de-CH.")],
    purposes: Annotated[str, typer.Option(help="All that it tells about: a,b.")],
    by: Annotated[str, typer.Option(help="Who publishes it; it stands in the ledger.")],
    recipients: Annotated[
        str | None, typer.Option(help="All that it names, besides this party: a,b.")
    ] = None,
    supersedes: Annotated[
        str | None, typer.Option(help="Hash of the notice that it takes the place of.")
    ] = None,
    replaces_current: Annotated[
        bool, typer.Option("--replaces-current", help="It supersedes the current one of this id.")
    ] = False,
    requires_renewal: Annotated[
        bool, typer.Option("--requires-renewal", help="Consent on the ones before ends with it.")
    ] = False,
    valid_from: Annotated[str | None, typer.Option(help="From when on; now, if left out.")] = None,
    valid_to: Annotated[str | None, typer.Option(help="Until when it is shown.")] = None,
    jurisdiction: Annotated[str | None, typer.Option(help="For whose law, as DE.")] = None,
    layout_image: Annotated[
        Path | None, typer.Option(help="Picture of it; its hash is kept, not the picture.")
    ] = None,
    withdrawal_method: Annotated[
        str | None, typer.Option(help="How it says that consent is taken back.")
    ] = None,
    rights_url: Annotated[
        str | None, typer.Option(help="Where people exercise their rights.")
    ] = None,
    policy_url: Annotated[str | None, typer.Option(help="Where the privacy policy is.")] = None,
    experiment: Annotated[str | None, typer.Option(help="Experiment that it is part of.")] = None,
    variant: Annotated[str | None, typer.Option(help="Which variant of the experiment.")] = None,
    home: HomeOption = DEFAULT_HOME,
    as_json: JsonOption = False,
) -> None:
    """Publish a text under its hash; the same again changes nothing, and none ever changes."""
    client = client_of(home)
    body = {
        "text": _text(path),
        "by": by,
        "notice_id": notice_id,
        "version": version,
        "language": language,
        "purposes": listed(purposes),
        "recipients": listed(recipients),
        "replaces_current": replaces_current,
        "requires_renewal": requires_renewal,
    }
    body |= without_none(
        supersedes=None if supersedes is None else _whole(client, supersedes),
        valid_from_ms=None if valid_from is None else instant("--valid-from", valid_from),
        valid_to_ms=None if valid_to is None else instant("--valid-to", valid_to),
        jurisdiction=jurisdiction,
        layout_hash=None if layout_image is None else _digest(layout_image),
        withdrawal_method=withdrawal_method,
        rights_url=rights_url,
        policy_url=policy_url,
        experiment=experiment,
        variant=variant,
    )
    found = client.post("/v1/notices", body)
    if as_json:
        show_json(found)
        return
    say(found["notice_hash"])
    if found["repeated"]:
        say(f"published already, as entry {found['entry']}: nothing is written")
    else:
        say(f"published as entry {found['entry']} of the consent ledger")


@app.command("list")
def list_notices(home: HomeOption = DEFAULT_HOME, as_json: JsonOption = False) -> None:
    """List the published notices."""
    found = client_of(home).list("/v1/notices")
    if as_json:
        show_json(found)
        return
    rows = [
        [n["notice_id"], n["version"], n["language"], _standing(n), when(n["valid_from_ms"]),
         ", ".join(n["purposes"]), n["notice_hash"]]
        for n in found
    ]  # fmt: skip
    heads = ["notice", "version", "language", "standing", "from", "purposes", "hash"]
    table(heads, rows, "no notice is published")


@app.command()
def show(notice: Hash, home: HomeOption = DEFAULT_HOME, as_json: JsonOption = False) -> None:
    """Print the text of a notice, byte for byte."""
    client = client_of(home)
    text = _download(client, notice)
    if as_json:
        show_json({"notice_hash": hashlib.sha256(text).hexdigest(), "text": text.decode()})
        return
    typer.echo(text, nl=False)


@app.command()
def diff(
    old: Hash, new: Hash, home: HomeOption = DEFAULT_HOME, as_json: JsonOption = False
) -> None:
    """Show what one text says otherwise than another, line by line."""
    client = client_of(home)
    before, after = _download(client, old), _download(client, new)
    names = [hashlib.sha256(text).hexdigest()[:16] for text in (before, after)]
    lines = list(
        difflib.unified_diff(_lines(before), _lines(after), names[0], names[1], lineterm="")
    )
    if as_json:
        show_json({"lines": lines})
        return
    say_all(lines)
    if not lines:
        say("the texts are the same")


def _standing(found: dict[str, Any]) -> str:
    if found["must_be_renewed"]:
        return "must be renewed"
    return "superseded" if found["superseded_by"] else "current"


def _text(path: Path) -> str:
    with usage_of(str(path)):
        try:
            return path.read_bytes().decode("utf-8")
        except UnicodeDecodeError:
            raise ValueError("this is not UTF-8: save it as UTF-8") from None


def _digest(path: Path) -> str:
    with usage_of(str(path)), path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _lines(text: bytes) -> list[str]:
    """Return the lines as one reads them; a text that ends without an end of line says so."""
    lines = text.decode().split("\n")
    return lines[:-1] if not lines[-1] else [*lines, "\\ No newline at end of text"]


def _download(client: LocalClient, named: str) -> bytes:
    return client.download(f"/v1/notices/{_whole(client, named)}")


def _whole(client: LocalClient, named: str) -> str:
    """Return the whole hash that begins so."""
    if len(named) == 64:
        return named
    hashes: list[str] = [n["notice_hash"] for n in client.list("/v1/notices")]
    found = [h for h in hashes if len(named) >= _SHORTEST and h.startswith(named)]
    with usage_of("the hash"):
        if len(found) != 1:
            raise ValueError(f"give at least {_SHORTEST} digits with which one notice's begins")
    return found[0]
