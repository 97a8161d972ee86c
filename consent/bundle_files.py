"""The names of the files in an evidence bundle, and its README."""

import hashlib
import re
from collections.abc import Mapping

from consent.errors import MalformedRecord

README = "README.txt"
CHECKPOINT = "checkpoint"
POLICY = "policy.txt"

ENTRY_KINDS = ("leaf", "tlog-proof", "payload", "salt", "withheld", "erased")
_ENTRY = re.compile(r"entries/(0|[1-9][0-9]{0,17})\.(" + "|".join(ENTRY_KINDS) + ")", re.ASCII)
_NOTICE = re.compile(r"notices/([0-9a-f]{64})", re.ASCII)
_HASH_LINE = re.compile(r"([0-9a-f]{64})  (\S+)", re.ASCII)


def entry_name(index: int, kind: str) -> str:
    """Return the name of one file of one entry."""
    return f"entries/{index}.{kind}"


def split_entry_name(name: str) -> tuple[int, str] | None:
    """Return (index, kind) if `name` is that of an entry's file."""
    found = _ENTRY.fullmatch(name)
    return (int(found[1]), found[2]) if found else None


def notice_of(name: str) -> bytes | None:
    """Return the hash in the name if `name` is that of a notice."""
    found = _NOTICE.fullmatch(name)
    return bytes.fromhex(found[1]) if found else None


def readme(title: str, files: Mapping[str, bytes]) -> str:
    """Return the README: how to check the bundle, and the SHA-256 of every other file.

    Raises: MalformedRecord if the title has several lines.
    """
    if any(c < " " for c in title):
        raise MalformedRecord("a title is one line")
    hashes = "".join(
        f"{hashlib.sha256(files[name]).hexdigest()}  {name}\n" for name in sorted(files)
    )
    return _README.format(title=title, hashes=hashes)


def expected_hashes(text: str) -> dict[str, bytes]:
    """Return the SHA-256 of every file that a README lists.

    Raises: MalformedRecord if a file is listed twice.
    """
    found: dict[str, bytes] = {}
    for line in text.split("\n"):
        match = _HASH_LINE.fullmatch(line)
        if match is None:
            continue
        if match[2] in found:
            raise MalformedRecord("the README lists a file twice")
        found[match[2]] = bytes.fromhex(match[1])
    return found


_README = """\
{title}

What this shows: that the entries in this folder are in a log whose state was signed by its keeper
and cosigned by witnesses, and what these entries say, where their content is shown.

How to check it, with no program of ours:

1. policy.txt names the keys (C2SP tlog-policy). Compare them with keys that you got elsewhere.
2. checkpoint is a signed note (C2SP signed-note, tlog-checkpoint, tlog-cosignature). Verify it.
3. For each entries/N.leaf: SHA-256(0x00 || leaf) is the leaf hash. entries/N.tlog-proof (C2SP
   tlog-proof) leads from it to the root in the checkpoint (RFC 9162, section 2.1.3.2).
4. For each entries/N.payload: SHA-256("pcom/v1" || salt || payload) is `pcom` in the leaf; the salt
   is the hexadecimal number in entries/N.salt.
5. A file entries/N.withheld or entries/N.erased stands for a payload that is not shown, and says
   why.
6. notices/H is the notice with SHA-256 H, exactly as it was shown.

Or: accord-verify FOLDER

SHA-256 of the files:

{hashes}"""
