"""`accord reach`: sketches of whom this party reached, and the reach of several parties together.

Estimating needs no node: whoever holds the files can do it.
"""

import base64
import itertools
import re
from pathlib import Path
from typing import Annotated, Any

import click
import typer

from party_node.cli.output import (
    DEFAULT_HOME,
    HomeOption,
    JsonOption,
    client_of,
    group,
    require_new,
    say,
    show_json,
    table,
    usage_of,
)
from protocols.dp.reach.merging import Estimate, Merged
from protocols.dp.reach.sketch import DEFAULT_EXPONENT, MAX_SKETCH_BYTES, ReachSketch, read
from protocols.errors import MalformedMessage

app = group("reach", "Reach over several publishers, without a party that all trust.")

Epsilon = Annotated[str, typer.Option(help="What each person gives up: 0.001 to 10, as 1.5.")]
Collaboration = Annotated[
    str, typer.Option(help="For a party under this agreement; without it, for everybody.")
]
Files = Annotated[list[Path], typer.Argument(help="Sketches, each of another party.")]

_DECIMAL = re.compile(r"([0-9]{1,2})(?:\.([0-9]{1,3}))?", re.ASCII)


@app.command()
def sketch(
    dataset: Annotated[str, typer.Option(help="Whoever is in it was reached.")],
    purpose: Annotated[str, typer.Option(help="Purpose that people must have agreed to.")],
    campaign: Annotated[str, typer.Option(help="Its name, as all publishers write it.")],
    period: Annotated[str, typer.Option(help="As all publishers write it: 2026-11.")],
    epsilon: Epsilon,
    identifier: Annotated[str, typer.Option(help="What people are hashed by.")] = "email",
    at_least: Annotated[int, typer.Option(min=1, help="Only people with so many rows.")] = 1,
    exponent: Annotated[
        int, typer.Option(help="The sketch has 2 to this power of buckets.")
    ] = DEFAULT_EXPONENT,
    collaboration: Collaboration = "",
    to: Annotated[str, typer.Option(help="The party, if the agreement has several.")] = "",
    out: Annotated[Path | None, typer.Option(help="Write the sketch to this new file.")] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only say what it would cost.")
    ] = False,
    home: HomeOption = DEFAULT_HOME,
    as_json: JsonOption = False,
) -> None:
    """Make a sketch of the permitted people of a dataset, with noise, charged first."""
    if out is None and not dry_run:
        raise click.UsageError("--out: name a new file for the sketch")
    require_new(out)
    with usage_of("--epsilon"):
        milli = _milli(epsilon)
    body: dict[str, Any] = {"dataset": dataset, "purpose": purpose, "campaign": campaign}
    body |= {"period": period, "epsilon_milli": milli, "identifier": identifier}
    body |= {"at_least": at_least, "exponent": exponent}
    body |= {"collaboration": collaboration} if collaboration else {}
    body |= {"to": to} if to else {}
    found = client_of(home).post("/v1/reach/sketches", body | {"dry_run": dry_run})
    if out is None or dry_run:
        _ahead(found, as_json)
        return
    with usage_of(str(out)), out.open("xb") as file:
        file.write(base64.b64decode(found.pop("sketch")))
    if as_json:
        show_json(found)
        return
    whom = "everybody" if found["recipient"] == "*" else found["recipient"]
    say(f"{out}: {found['buckets']:,} buckets, epsilon {found['epsilon']:g} for each person")
    if found["again"]:
        say(f"this is the sketch of {found['release'][:12]}, given again: it is free")
    say(f"cost: rho {found['cost']['rho']}; for {whom}")
    own = found["own"]
    say(f"own people: {own['permitted']:,} of {own['asked']:,} permitted (not for others)")


def _ahead(found: dict[str, Any], as_json: bool) -> None:
    if as_json:
        show_json(found)
        return
    enough = "enough" if found["affordable"] else "not enough"
    say(
        f"cost: rho {found['rho']} of {found['left']} left, {enough}; nothing if it was made before"
    )
    say(
        f"{found['questions_left']:,} questions left at ±{found['half_width']} people before, "
        f"{found['questions_after']:,} after"
    )
    for row in found["alone"]:
        say(f"{row['people']:,} people would be shown ± {row['within']:,} (95 %) by this one alone")
    own = found["own"]
    mine = f"{own['identified']:,} of {own['people']:,}"
    say(f"own people: {mine} have an identifier of that type (not for others)")


@app.command()
def estimate(files: Files, as_json: JsonOption = False) -> None:
    """Estimate how many people the parties of these sketches reached. No node has to run."""
    merged = Merged([_read(path) for path in files])
    found = _estimates(merged)
    if as_json:
        show_json(found)
        return
    topic = merged.topic
    level = "" if topic.at_least == 1 else f", in {topic.at_least} rows or more at one of them"
    say(f"{topic.campaign}, {topic.period}, by {topic.identifier}{level}")
    table(
        ["people", "at", "reach", "95 %"],
        [
            [
                e["what"],
                ", ".join(e["parties"]),
                f"{e['reach']:,}",
                f"{e['low']:,} to {e['high']:,}",
            ]
            for e in found["estimates"]
        ],
        "",
    )
    say("note: intervals are normal and cover noise and hashing; a person is one identifier")


def _estimates(merged: Merged) -> dict[str, Any]:
    parties, rows = merged.parties, []

    def add(what: str, of: tuple[str, ...], found: Estimate) -> None:
        shown = found.shown()
        interval = {"reach": shown.value, "low": shown.low, "high": shown.high}
        rows.append({"what": what, "parties": list(of), **interval, "unclamped": found.value})

    add("reached by any", parties, merged.everybody())
    if len(parties) > 1:
        for party in parties:
            add("reached by", (party,), merged.union([party]))
        for party in parties:
            add("reached only by", (party,), merged.only(party))
        for pair in itertools.combinations(parties, 2):
            add("reached by both", pair, merged.common(pair))
    topic = merged.topic
    return {
        "campaign": topic.campaign,
        "period": topic.period,
        "identifier": topic.identifier,
        "at_least": topic.at_least,
        "buckets": topic.buckets,
        "confidence": 0.95,
        "estimates": rows,
    }


def _read(path: Path) -> ReachSketch:
    with usage_of(str(path)), path.open("rb") as file:
        data = file.read(MAX_SKETCH_BYTES + 1)
    try:
        return read(data)
    except MalformedMessage:
        raise MalformedMessage(f"{path} is no sketch of reach") from None


def _milli(text: str) -> int:
    found = _DECIMAL.fullmatch(text)
    if found is None:
        raise ValueError("write a decimal with at most three places")
    return int(found[1]) * 1000 + int((found[2] or "").ljust(3, "0"))
