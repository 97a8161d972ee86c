"""`accord-verify`: the auditor's offline check of an evidence bundle. No network, no database, no
node.

    accord-verify EVIDENCE.zip [--policy POLICY.txt] [--json]

It says of each thing what it checked and whether it held. Exit codes: 0 everything held, 1
something did not, 2 the command was used wrongly.
"""

import json
import zipfile
from pathlib import Path
from typing import Annotated, Any, NoReturn

import typer

from consent.audit import Check, Outcome
from consent.bundle import verify_bundle
from consent.errors import ConsentError
from consent.merkle import leaf_hash
from consent.policy import Policy, parse_policy
from party_node.evidence_files import LEDGER, RUNS
from party_node.run_audit import audit_run

MAX_FILE_BYTES = 64 * 1024 * 1024
MAX_FILES = 1_000_000

app = typer.Typer(add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False)


class UnreadableBundle(Exception):
    """The file is not an evidence bundle."""


def read(path: Path) -> dict[str, bytes]:
    """Return the files of a bundle by name. Raises: UnreadableBundle."""
    try:
        with zipfile.ZipFile(path) as archive:
            infos = archive.infolist()
            if len(infos) > MAX_FILES or any(i.file_size > MAX_FILE_BYTES for i in infos):
                raise UnreadableBundle("the bundle is larger than a bundle may be")
            return {info.filename: archive.read(info) for info in infos}
    except (OSError, zipfile.BadZipFile, NotImplementedError, RuntimeError) as e:
        raise UnreadableBundle(f"{path} is not a readable ZIP file") from e


def check(files: dict[str, bytes], policy: Policy | None) -> list[Check]:
    """Run every check of a bundle's files."""
    ledger = {n.removeprefix(LEDGER): data for n, data in files.items() if n.startswith(LEDGER)}
    report = verify_bundle(ledger, policy)
    proved = (
        frozenset(leaf_hash(data) for name, data in ledger.items() if name.endswith(".leaf"))
        if not report.failures
        else frozenset()
    )
    checks = list(report.checks)
    for job in sorted({n.split("/")[1] for n in files if n.startswith(RUNS) and n.count("/") == 2}):
        prefix = f"{RUNS}{job}/"
        run = {n.removeprefix(prefix): data for n, data in files.items() if n.startswith(prefix)}
        checks += audit_run(job, run, report.checkpoint, proved)
    return checks


@app.command()
def verify(
    bundle: Annotated[Path, typer.Argument(help="Evidence bundle, a ZIP file.")],
    policy: Annotated[
        Path | None, typer.Option(help="Trust root that you bring yourself (C2SP tlog-policy).")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Check an evidence bundle, offline."""
    try:
        trusted = None if policy is None else parse_policy(policy.read_bytes())
        checks = check(read(bundle), trusted)
    except (UnreadableBundle, ConsentError, OSError) as e:
        typer.echo(f"accord-verify: error: {e}", err=True)
        typer.echo(
            "accord-verify: hint: give the ZIP file that `accord ledger export` wrote", err=True
        )
        raise typer.Exit(1) from e
    failed = [c for c in checks if c.outcome is Outcome.FAILED]
    if as_json:
        typer.echo(
            json.dumps({"passed": not failed, "checks": [_plain(c) for c in checks]}, indent=2)
        )
    else:
        for c in checks:
            typer.echo(
                f"{c.outcome.value.upper():6} {c.what}" + (f": {c.detail}" if c.detail else "")
            )
        typer.echo(f"{len(checks) - len(failed)} of {len(checks)} checks held")
    raise typer.Exit(1 if failed else 0)


def _plain(check: Check) -> dict[str, Any]:
    return {
        "what": check.what,
        "outcome": check.outcome.value,
        "passed": check.outcome is not Outcome.FAILED,
        "detail": check.detail,
        "code": check.code,
    }


def main() -> NoReturn:
    """Entry point of `accord-verify`."""
    app()
    raise SystemExit(0)


if __name__ == "__main__":
    main()
