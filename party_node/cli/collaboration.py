"""`accord collaboration`: agreements between parties."""

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
    show_json,
    table,
    usage_of,
    when,
)

app = group("collaboration", "Propose, countersign and read agreements.")


@app.command()
def propose(
    path: Annotated[Path, typer.Argument(help="The agreement as a YAML file.")],
    home: HomeOption = DEFAULT_HOME,
    as_json: JsonOption = False,
) -> None:
    """Sign an agreement and propose it to the other party."""
    with usage_of(str(path)):
        text = path.read_text(encoding="utf-8")
    found = client_of(home).post("/v1/collaborations", {"text": text})
    if as_json:
        show_json(found)
        return
    _show(found)
    say("compare the fingerprints with the other party over the telephone")


@app.command()
def sign(
    collaboration: Annotated[str, typer.Argument(help="Name of the collaboration.")],
    version: Annotated[int, typer.Argument(min=1, help="Version that you have read.")],
    home: HomeOption = DEFAULT_HOME,
    as_json: JsonOption = False,
) -> None:
    """Countersign a version; it is in force when every party has."""
    path = f"/v1/collaborations/{collaboration}/versions/{version}/countersignatures"
    found = client_of(home).post(path)
    if as_json:
        show_json(found)
        return
    _show(found)


@app.command("list")
def list_collaborations(home: HomeOption = DEFAULT_HOME, as_json: JsonOption = False) -> None:
    """List every version of every agreement."""
    found = client_of(home).list("/v1/collaborations")
    if as_json:
        show_json(found)
        return
    rows = [
        [c["collaboration"], c["version"], _standing(c), when(c["expires_ms"]), c["title"]]
        for c in found
    ]
    heads = ["collaboration", "version", "standing", "expires", "title"]
    table(heads, rows, "there is no collaboration yet")


@app.command()
def show(
    collaboration: Annotated[str, typer.Argument(help="Name of the collaboration.")],
    home: HomeOption = DEFAULT_HOME,
    as_json: JsonOption = False,
) -> None:
    """Show an agreement: who, which data, what may be asked for, at what price."""
    found = client_of(home).list(f"/v1/collaborations/{collaboration}")
    if as_json:
        show_json(found)
        return
    for version in found:
        _show(version)


_WINDOWS = {
    "none": "for ever",
    "month": "which two people may let begin anew in a new month",
}


def _standing(found: dict[str, Any]) -> str:
    return "in force" if found["in_force"] else f"waits for {', '.join(found['missing'])}"


def _show(found: dict[str, Any]) -> None:
    say(f"{found['collaboration']} version {found['version']}: {found['title']}")
    say(f"{_standing(found)}; expires {when(found['expires_ms'])}")
    budget = found["budget"]
    say(
        f"no group below {found['minimum_size']} people; budget rho {budget['rho']} "
        f"(epsilon {budget['epsilon']} at delta {budget['delta']}), {_WINDOWS[budget['window']]}"
    )
    parties = [[p["party"], p["name"], p["fingerprint"]] for p in found["parties"]]
    table(["party", "name", "fingerprint"], parties, "")
    data = [
        [d["party"], d["dataset"], ", ".join(d["identifiers"]), ", ".join(d["columns"]) or "none"]
        for d in found["datasets"]
    ]
    table(["of", "dataset", "matched by", "columns that may be used"], data, "")
    jobs = [
        [j["kind"], j["purpose"], j["receiver"], "yes" if j["reveal"] else "no"]
        for j in found["jobs"]
    ]
    table(["job", "purpose", "answer goes to", "reveals who matches"], jobs, "")
