"""`accord consent mapping`: looking at a mapping file without data and without a node."""

from pathlib import Path
from typing import Annotated

import typer

from consent.defaults import DEFAULT_VOCABULARY
from party_node.capture import mapping_file
from party_node.cli.output import JsonOption, group, say, show_json, table

app = group("mapping", "Check how a file of another system will be read.")


@app.callback()
def _stays_a_group() -> None:
    """Check how a file of another system will be read."""


@app.command()
def check(
    path: Annotated[Path, typer.Argument(help="Mapping file, YAML.")],
    as_json: JsonOption = False,
) -> None:
    """Check a mapping file and show what it says. No node has to run, and no data is read."""
    purposes = (p.purpose_id for p in DEFAULT_VOCABULARY.purposes)
    found = mapping_file.parse(mapping_file.read_text(path), purposes)
    events = [
        {
            "suffix": part.suffix,
            "columns": dict(part.columns),
            "constants": dict(part.constants),
        }
        for part in found.events
    ]
    if as_json:
        show_json({"columns": dict(found.columns), "event_id": found.event_id, "events": events})
        return
    say(f"the mapping can be used; a row becomes {len(events)} event{'s' * (len(events) > 1)}")
    rows = [["", name, column, ""] for name, column in found.columns.items()]
    if found.event_id:
        rows.append(["", "source_event_id", f"digest of {', '.join(found.event_id)}", ""])
    for part in found.events:
        rows += [[part.suffix, name, column, ""] for name, column in part.columns.items()]
        rows += [[part.suffix, name, "", text] for name, text in part.constants.items()]
    table(["event", "field", "column", "always"], rows, "")
