"""`accord policy`: what this node decides by, as a file."""

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
from party_node.policy.reading import read_policy
from party_node.policy.writing import plain

app = group("policy", "Show, check and change what this node decides by.")

File = Annotated[Path, typer.Argument(help="The policy as a YAML file.")]


@app.command()
def show(
    as_yaml: Annotated[bool, typer.Option("--yaml", help="As a file that `apply` takes.")] = False,
    policy_hash: Annotated[
        str | None, typer.Option("--hash", help="An earlier one; `accord policy history` has it.")
    ] = None,
    home: HomeOption = DEFAULT_HOME,
    as_json: JsonOption = False,
) -> None:
    """Show the policy in force: what this node decides by."""
    query = {} if policy_hash is None else {"policy_hash": policy_hash}
    found = client_of(home).get("/v1/policy", **query)
    if as_json:
        show_json(found)
    elif as_yaml:
        say(found["yaml"].rstrip("\n"))
    else:
        _show(found)


@app.command()
def check(path: File, as_json: JsonOption = False) -> None:
    """Read a policy file and say what is wrong with it. No node has to run."""
    policy = plain(read_policy(_text(path)))
    parts = ("purposes", "recipients", "sources", "regimes")
    counts = {part: len(policy.get(part, {})) for part in parts}
    if as_json:
        show_json({"file": str(path), **counts})
        return
    told = ", ".join(f"{count} {part}" for part, count in counts.items() if count)
    say(f"{path.name} can be used: {told or 'it permits nothing'}")


@app.command()
def apply(
    path: File,
    by: Annotated[str, typer.Option(help="Who decides this; it stands in the ledger.")],
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only say what it would change.")
    ] = False,
    home: HomeOption = DEFAULT_HOME,
    as_json: JsonOption = False,
) -> None:
    """Decide by this policy from now on, and say what that changes for how many people."""
    body = {"text": _text(path), "by": by, "dry_run": dry_run}
    found = client_of(home).put("/v1/policy", body)
    if as_json:
        show_json(found)
        return
    _tell(found)
    if not found["changes"]:
        say("it says what is in force already: nothing is written")
    elif dry_run:
        say("nothing is written: this was a dry run")
    else:
        say(f"in force since entry {found['entry']} of the consent ledger")


@app.command()
def history(
    limit: Annotated[int, typer.Option(min=1, max=1000, help="So many at most.")] = 20,
    home: HomeOption = DEFAULT_HOME,
    as_json: JsonOption = False,
) -> None:
    """List every policy that was in force, since which entry, by whom, and what it changed."""
    found = client_of(home).list("/v1/policy/history", limit=limit)
    if as_json:
        show_json(found)
        return
    rows = [
        [
            one["entry"],
            when(one["since_ms"]),
            one["by"],
            one["policy_hash"],
            "; ".join(change["text"] for change in one["changes"]) or "the first",
        ]
        for one in found
    ]
    table(["entry", "since", "by", "hash", "what changed"], rows, "there is none")


def _text(path: Path) -> str:
    with usage_of(str(path)):
        return path.read_text(encoding="utf-8-sig")


def _tell(found: dict[str, Any]) -> None:
    for change in found["changes"]:
        people = change.get("people", {"gain": 0, "lose": 0})
        affected = ", ".join(f"{count:,} {how}" for how, count in people.items() if count)
        say(change["text"] + (f" ({affected})" if affected else ""))
    rows = [
        [e["purpose"], e["recipient"], *(f"{e[k]:,}" for k in ("before", "after", "gain", "lose"))]
        for e in found["effects"]
    ]
    if rows:
        table(["purpose", "recipient", "permitted", "then", "gain", "lose"], rows, "")
    if found["changes"]:
        people = found["people"]
        say(
            f"people who gain something: {people['gain']:,}; who lose something: {people['lose']:,}"
        )
    for warning in found["warnings"]:
        say(f"WARNING: {warning}")


def _show(found: dict[str, Any]) -> None:
    document = found["document"]
    say(f"policy {found['policy_hash']}")
    place, zone = document["controller_place"], document["controller_zone"]
    say(f"controller: place {place or 'not said'}, time zone {zone or 'not said'}")
    purposes = [
        [
            p["purpose_id"],
            p["version"],
            ", ".join(p["operations"]),
            ", ".join(p["parents"]),
            p.get("validity", "no end"),
            p["title"],
        ]
        for p in document["purposes"]
    ]
    heads = ["purpose", "version", "operations", "under", "holds for", "title"]
    table(heads, purposes, "there is no purpose: nobody is permitted anything")
    recipients = [
        [r["recipient_id"], r["role"], r.get("country", ""), r["name"]]
        for r in document["recipients"]
    ]
    table(["recipient", "role", "country", "name"], recipients, "no recipient is listed")
    sources = [
        [s["source_id"], s["trust"], "yes" if s["first_hand"] else "no"]
        for s in document["sources"]
    ]
    table(["source", "trust", "first-hand"], sources, "no source is listed: all have trust 5")
    regimes = [
        [r["regime_id"], ", ".join(r["places"]), r["basis"], r["guardian_below"]]
        for r in document["regimes"]
    ]
    table(["regime", "places", "basis", "guardian below"], regimes, "")
    hours, caps = len(document["hours"]), len(document["caps"])
    say(f"{hours:,} terms of allowed hours, {caps:,} caps: `accord policy show --yaml` has them")
    say(f"{len(document['notices']):,} notices: `accord notice list` shows them")
