"""`accord ledger append | entry | prove | replay | snapshot`: the entries one by one."""

import getpass
import json
import re
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from party_node.cli.output import (
    DEFAULT_HOME,
    DONE,
    ERROR,
    HomeOption,
    JsonOption,
    client_of,
    say,
    show_json,
    table,
    usage_of,
    when,
)
from party_node.local_client import Refused

Index = Annotated[int, typer.Argument(min=0, help="Index of the entry, from 0.")]
_MOST_LINES, _MOST_BYTES = 500, 900_000
"""Of one request."""
_STDIN = "-"
_NUMBERED = re.compile(r"entry ([1-9][0-9]{0,3}(?:, [1-9][0-9]{0,3})*)(?=: )", re.ASCII)
"""How a refusal begins that is about single entries of a request."""
Line = tuple[int, dict[str, Any]]
"""Number and content of a line."""


def append(
    file: Annotated[str, typer.Argument(help="JSON Lines of statements; - reads stdin.")],
    home: HomeOption = DEFAULT_HOME,
    as_json: JsonOption = False,
) -> None:
    """Append consent and preference events as they are; say which entry each became.

    Exit code 1 if the source of one had sent another under the same id.
    """
    with usage_of(file):
        lines = list(_statements(file))
    client = client_of(home)
    fates: list[dict[str, Any]] = []
    for batch in _batches(lines):
        try:
            found = client.post("/v1/ledger/entries", {"entries": [said for _, said in batch]})
        except Refused as e:
            raise Refused(e.reason, _in_the_file(e.message, batch, bool(fates)), e.hint) from e
        numbers = [{"line": number} for number, _ in batch]
        fates += [n | fate for n, fate in zip(numbers, found["entries"], strict=True)]
    if as_json:
        show_json({"entries": fates})
    else:
        _say_fates(fates)
    raise typer.Exit(ERROR if any(f["fate"] == "conflict" for f in fates) else DONE)


def entry(
    index: Index,
    leaf_only: Annotated[
        bool, typer.Option("--leaf-only", help="Show what the log holds, and no payload.")
    ] = False,
    by: Annotated[str, typer.Option("--by", help="Who looks; your login name by default.")] = "",
    home: HomeOption = DEFAULT_HOME,
    as_json: JsonOption = False,
) -> None:
    """Show one entry. That somebody looked at what a person said is an entry itself."""
    client, path = client_of(home), f"/v1/ledger/entries/{index}"
    if leaf_only:
        found = client.get(path)
    else:
        found = client.post(f"{path}/views", {"by": by or getpass.getuser()})
    if as_json:
        show_json(found)
        return
    say(f"entry {found['index']}: {found['type']}, recorded {when(found['recorded_ms'])}")
    say(f"leaf hash: {found['leaf_hash']}")
    say(f"leaf: {found['leaf']}")
    if found["erased"] is not None:
        say(f"erased under request {found['erased']['request']} (entry {found['erased']['entry']})")
    if found.get("payload") is not None:
        say(f"salt: {found['salt']}")
        say(json.dumps(found["payload"], indent=2, ensure_ascii=False, sort_keys=True))


def prove(
    index: Index,
    out: Annotated[
        Path | None, typer.Option("--out", help="File for the proof, as 17.tlog-proof.")
    ] = None,
    leaf: Annotated[Path | None, typer.Option("--leaf", help="File for the leaf.")] = None,
    home: HomeOption = DEFAULT_HOME,
    as_json: JsonOption = False,
) -> None:
    """Prove that an entry is in the ledger: a C2SP tlog-proof under a published checkpoint."""
    found = client_of(home).get(f"/v1/ledger/entries/{index}/proof")
    for path, text in ((out, found["proof"]), (leaf, found["leaf"])):
        if path is not None:
            with usage_of(str(path)):
                path.write_bytes(text.encode())
    if as_json:
        show_json(found)
    elif out is None:
        say(found["proof"].rstrip("\n"))
    else:
        say(f"wrote {out}: entry {index} under the checkpoint of size {found['size']:,}")


def replay(
    index: Annotated[int, typer.Argument(min=0, help="Index of a use record.")],
    home: HomeOption = DEFAULT_HOME,
    as_json: JsonOption = False,
) -> None:
    """Make a decision of the gate again, by the ledger of then. Exit code 1 if it differs."""
    found = client_of(home).get(f"/v1/ledger/entries/{index}/replay")
    if as_json:
        show_json(found)
    else:
        _say_replay(found)
    raise typer.Exit(ERROR if found["outcome"] == "different" else DONE)


def snapshot(home: HomeOption = DEFAULT_HOME, as_json: JsonOption = False) -> None:
    """Log what the state that decides looks like now; fsck compares it with the entries."""
    found = client_of(home).post("/v1/ledger/snapshots")
    if as_json:
        show_json(found)
        return
    say(f"logged the state as entry {found['index']:,}; check it with `accord ledger fsck`")


def _say_replay(found: dict[str, Any]) -> None:
    if found["outcome"] == "different":
        say(f"entry {found['index']} is NOT what the ledger comes to:")
        for difference in found["differences"]:
            say(f"  {difference}")
        return
    say(f"the same answer: {found['allowed']:,} of {found['asked']:,} people allowed")
    table(["withheld because", "people"], found["denied"].items(), "nobody was withheld")
    if found["outcome"] == "pruned":
        say("without those who were erased since: who they were cannot be told any more")


def _say_fates(fates: Sequence[dict[str, Any]]) -> None:
    for fate in ("accepted", "repeated", "conflict"):
        say(f"{fate}: {sum(f['fate'] == fate for f in fates):,}")
    rows = [(f["line"], f["fate"], f["index"]) for f in fates]
    table(["line", "fate", "entry"], rows, "no statements")


def _in_the_file(message: str, batch: Sequence[Line], begun: bool) -> str:
    """Return what the node says of the entries of a request, as said of the lines of the file."""
    found = _NUMBERED.match(message)
    if found is not None:
        lines = ", ".join(str(batch[int(n) - 1][0]) for n in found[1].split(", "))
        message = f"line {lines}{message[found.end() :]}"
    said = f"none of lines {batch[0][0]} to {batch[-1][0]} was appended"
    return f"{message} ({said}; those before them are)" if begun else f"{message} ({said})"


def _statements(file: str) -> Iterator[Line]:
    """Yield the objects of a JSON Lines file. Raises: ValueError, OSError."""
    text = sys.stdin.read() if file == _STDIN else Path(file).read_text(encoding="utf-8")
    for number, line in enumerate(text.split("\n"), 1):
        if line.strip():
            yield number, _object(number, line)


def _object(number: int, line: str) -> dict[str, Any]:
    try:
        said = json.loads(line, object_pairs_hook=_distinct)
    except (ValueError, RecursionError):
        raise ValueError(f"line {number} is no JSON object, or names a field twice") from None
    if not isinstance(said, dict):
        raise ValueError(f"line {number} is no JSON object")  # noqa: TRY004 - a usage error
    return said


def _distinct(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a field stands there twice")
    return found


def _batches(lines: Sequence[Line]) -> Iterator[list[Line]]:
    """Cut lines into pieces that fit into one request."""
    batch: list[Line] = []
    size = 0
    for number, said in lines:
        length = len(json.dumps(said))
        if batch and (len(batch) == _MOST_LINES or size + length > _MOST_BYTES):
            yield batch
            batch, size = [], 0
        batch.append((number, said))
        size += length + 1
    if batch:
        yield batch
