"""`accord-verify`: the auditor's offline check of an evidence bundle. No network, no database, no
node.

    accord-verify EVIDENCE.zip [--policy POLICY.txt] [--party NAME=FINGERPRINT]… [--json]

It says of each thing what it checked and whether it held. PASSED and FAILED speak for themselves;
NOTED is something that cannot be told from the file, and the reader should compare. Exit codes: 0
nothing failed, 1 something did or the file is no bundle, 2 the command was used wrongly.
"""

import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, NoReturn

import typer

from consent.audit import Check, Outcome
from consent.errors import ConsentError
from consent.policy import Policy, parse_policy
from party_node.evidence.archive import UnreadableBundle, read
from party_node.evidence.bundle_audit import audit_bundle

HELD, FAILED = 0, 1
_FINGERPRINT = re.compile(r"[0-9a-f]{32}", re.ASCII)
_LONGEST = 600

app = typer.Typer(add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False)


@app.command()
def verify(
    bundle: Annotated[
        Path, typer.Argument(help="Evidence bundle, a ZIP file.", exists=True, dir_okay=False)
    ],
    policy: Annotated[
        Path | None, typer.Option(help="Trust root that you bring yourself (C2SP tlog-policy).")
    ] = None,
    party: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME=FINGERPRINT",
            help="A party's fingerprint as you got it by another way; may be repeated.",
        ),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Check an evidence bundle, offline."""
    trusted, fingerprints = _policy(policy), _fingerprints(party or [])
    try:
        checks = audit_bundle(read(bundle), trusted, fingerprints)
    except UnreadableBundle as e:
        typer.echo(f"accord-verify: error: {printable(str(e))}", err=True)
        typer.echo(
            "accord-verify: hint: give the ZIP file that `accord ledger export` wrote", err=True
        )
        raise typer.Exit(FAILED) from e
    passed = not any(c.outcome is Outcome.FAILED for c in checks)
    if as_json:
        found = {"passed": passed, "checks": [_plain(c) for c in checks]}
        typer.echo(json.dumps(found, indent=2))
    else:
        for check in checks:
            typer.echo(line(check))
        typer.echo(summary(checks))
    raise typer.Exit(HELD if passed else FAILED)


def line(check: Check) -> str:
    """Return one check as a line: outcome, what was checked, and what was found."""
    said = f"{check.what}: {check.detail}" if check.detail else check.what
    return f"{check.outcome.value.upper():6} {printable(said)}"


def summary(checks: Sequence[Check]) -> str:
    """Return how it ended, in a line."""
    counts = {o: sum(c.outcome is o for c in checks) for o in Outcome}
    return (
        f"{counts[Outcome.PASSED]:,} checks passed, {counts[Outcome.FAILED]:,} failed, "
        f"{counts[Outcome.NOTED]:,} noted for you to compare"
    )


def printable(text: str) -> str:
    """Return text from a bundle as one line that cannot steer a terminal or pass for another."""
    return "".join(c if c.isprintable() else "?" for c in text[:_LONGEST])


def _policy(path: Path | None) -> Policy | None:
    if path is None:
        return None
    try:
        return parse_policy(path.read_bytes())
    except (ConsentError, OSError) as e:
        raise typer.BadParameter(f"{path} is not a policy: {e}", param_hint="--policy") from e


def _fingerprints(stated: Sequence[str]) -> dict[str, str]:
    """Read NAME=FINGERPRINT; spaces and capitals do not matter."""
    found: dict[str, str] = {}
    for text in stated:
        party, _, fingerprint = text.partition("=")
        digits = "".join(fingerprint.split()).lower()
        if not party or _FINGERPRINT.fullmatch(digits) is None:
            raise typer.BadParameter(
                "give NAME=FINGERPRINT, with 32 hexadecimal digits", param_hint="--party"
            )
        grouped = " ".join(digits[i : i + 4] for i in range(0, len(digits), 4))
        if found.setdefault(party, grouped) != grouped:
            raise typer.BadParameter(f"two fingerprints for {party}", param_hint="--party")
    return found


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
    raise SystemExit(HELD)


if __name__ == "__main__":
    main()
