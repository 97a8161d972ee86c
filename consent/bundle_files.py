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

The files

  checkpoint            the log's name, how many entries it had, the root of the tree over all of
                        them, and signatures (C2SP signed-note, tlog-checkpoint, tlog-cosignature)
  policy.txt            the keys of the log and of its witnesses, and how many of these must have
                        cosigned, as the sender proposes it (C2SP tlog-policy)
  entries/N.leaf        entry N as it stands in the log: kind, time, and a salted commitment
  entries/N.tlog-proof  the way from that entry to the root in checkpoint (C2SP tlog-proof)
  entries/N.payload     what the entry says, as JSON, and
  entries/N.salt        the salt of the commitment, in hexadecimal; or instead of these two
  entries/N.withheld    why what it says is not shown, or
  entries/N.erased      under which request it was erased
  notices/H             a notice exactly as people were shown it; H is its SHA-256

How to check it, with no program of ours

1. Files. Each must have the SHA-256 that stands at the end of this text:

     grep -E '^[0-9a-f]{{64}}  ' README.txt | sha256sum -c

2. Keys. policy.txt is the sender's own: compare its keys with keys that you got by another way.

3. Signature of the log (Ed25519). It is made over the first three lines of checkpoint. A line of
   signature has, after the name, base64 of 4 bytes that name the key and the 64 bytes of the
   signature; a key in policy.txt has, after the second plus, base64 of one byte, 01, and the key.

     head -n 3 checkpoint > text
     grep -m 1 '^\u2014 ' checkpoint | cut -d ' ' -f 3 | base64 -d | tail -c 64 > signature
     sed -n 's/^log [^+]*+[0-9a-f]*+//p' policy.txt | cut -d ' ' -f 1 | base64 -d | tail -c 32 > key
     (printf '302a300506032b6570032100' | xxd -r -p; cat key) > key.der
     openssl pkeyutl -verify -pubin -keyform DER -inkey key.der -rawin -in text -sigfile signature

4. Cosignatures of witnesses. Theirs are made over `cosignature/v1`, a line `time SECONDS`, and the
   same three lines; SECONDS stand in the 8 bytes before the last 64. Go's package
   golang.org/x/mod/sumdb/note reads the note, and C2SP tlog-cosignature says the rest.

5. Entries. The leaf hash is SHA-256(0x00 || leaf); a node is SHA-256(0x01 || left || right). The
   hashes in entries/N.tlog-proof lead from the leaf to the root (RFC 9162, section 2.1.3.2); Go's
   golang.org/x/mod/sumdb/tlog.CheckRecord does that.

     (printf '\\0'; cat entries/N.leaf) | sha256sum

6. What entries say. This must be `pcom` in the leaf:

     (printf 'pcom/v1'; xxd -r -p entries/N.salt; cat entries/N.payload) | sha256sum

Or all of it at once: accord-verify FOLDER

SHA-256 of the files:

{hashes}"""
