"""`accord-verify`: the auditor's offline check. No network, no database, no node.

    accord-verify EVIDENCE.zip [--policy POLICY.txt] [--party NAME=FINGERPRINT]… [--json]
    accord-verify FOLDER [--policy POLICY.txt] [--since OLD-CHECKPOINT] [--json]
    accord-verify receipt FILE --key KEY.jwk --policy POLICY.txt [--json]

An evidence bundle, packed or unpacked; a folder of tiles; a receipt that a person got. It says of
each thing what it checked and whether it held. PASSED and FAILED speak for themselves; NOTED is
something that cannot be told from the file, and the reader should compare. Exit codes: 0 nothing
failed, 1 something did or the file is no evidence, 2 the command was used wrongly.
"""

import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, NoReturn

import typer

from consent.audit import Check, Outcome
from consent.bundle import verify_bundle
from consent.canonical import MAX_BYTES
from consent.errors import ConsentError
from consent.jws import from_jwk
from consent.note import MAX_NOTE_BYTES
from consent.policy import Policy, parse_policy
from party_node.evidence.archive import UnreadableBundle, read, read_folder
from party_node.evidence.bundle_audit import audit_bundle
from party_node.evidence.files import MANIFEST
from party_node.evidence.receipt_audit import audit_receipt
from party_node.evidence.tile_audit import Since, audit_tiles
from party_node.evidence.tile_folder import (
    CHECKPOINT,
    ENTRIES,
    README,
    is_tile_folder,
    paths_in,
    read_bounded,
    read_from,
    read_named,
)

HELD, FAILED = 0, 1
_FINGERPRINT = re.compile(r"[0-9a-f]{32}", re.ASCII)
_LONGEST = 600
_RECEIPT = Path("receipt")
_HINT = "give what `accord ledger export` or `accord ledger tiles` wrote"

app = typer.Typer(add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False)


@app.command()
def verify(
    evidence: Annotated[
        Path, typer.Argument(help="Evidence bundle, folder of tiles, or the word `receipt`.")
    ],
    file: Annotated[Path | None, typer.Argument(help="The receipt, after that word.")] = None,
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
    since: Annotated[
        Path | None, typer.Option(help="Checkpoint that you kept: nothing before it was changed.")
    ] = None,
    key: Annotated[Path | None, typer.Option(help="Key that signed the receipt (JWK).")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Check evidence offline: a bundle, a folder of tiles, or a receipt."""
    trusted, fingerprints = _policy(policy), _fingerprints(party or [])
    receipt = evidence == _RECEIPT and file is not None
    if not receipt and not evidence.exists():
        raise typer.BadParameter(f"{evidence} does not exist")
    _refuse_what_does_not_belong(
        {"--party": party, "--since": since, "--key": key, "a second file": file},
        {"--key", "a second file"} if receipt
        else {"--since"} if is_tile_folder(evidence)
        else {"--party"},
    )  # fmt: skip
    try:
        if receipt and file is not None:
            checks = _receipt(file, key, trusted)
        elif is_tile_folder(evidence):
            checks = _tiles(evidence, trusted, since)
        else:
            checks = _bundle(evidence, trusted, fingerprints)
    except UnreadableBundle as e:
        typer.echo(f"accord-verify: error: {printable(str(e))}", err=True)
        typer.echo(f"accord-verify: hint: {_HINT}", err=True)
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


def _bundle(path: Path, policy: Policy | None, fingerprints: dict[str, str]) -> list[Check]:
    """Check an evidence bundle, or its ledger part alone. Raises: UnreadableBundle."""
    files = read_folder(path) if path.is_dir() else read(path)
    if MANIFEST not in files and README in files and CHECKPOINT in files:
        return list(verify_bundle(files, policy).checks)
    return audit_bundle(files, policy, fingerprints)


def _tiles(folder: Path, policy: Policy | None, since: Path | None) -> list[Check]:
    before = None if since is None else Since(_bytes(since, MAX_NOTE_BYTES, "--since"))
    return audit_tiles(
        read_from(folder),
        lambda name: read_named(folder, name),
        policy,
        with_entries=(folder / ENTRIES).exists(),
        since=before,
        paths=paths_in(folder),
    )


def _receipt(path: Path, key: Path | None, policy: Policy | None) -> list[Check]:
    if key is None or policy is None:
        raise typer.BadParameter("a receipt is checked with --key and --policy")
    try:
        public = from_jwk(_bytes(key, MAX_BYTES, "--key"))
    except ConsentError as e:
        raise typer.BadParameter(f"{key} is no key: {e}", param_hint="--key") from e
    return audit_receipt(_bytes(path, MAX_BYTES, str(path)), public, policy)


def _bytes(path: Path, longest: int, what: str) -> bytes:
    try:
        data = read_bounded(path, longest)
    except OSError as e:
        raise typer.BadParameter(f"{path} cannot be read", param_hint=what) from e
    if data is None:
        raise typer.BadParameter(f"{path} is not there", param_hint=what)
    return data


def _refuse_what_does_not_belong(given: dict[str, object], allowed: set[str]) -> None:
    for name, value in given.items():
        if value and name not in allowed:
            raise typer.BadParameter(f"{name} does not belong to this kind of evidence")


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
