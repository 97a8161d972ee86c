"""The README of a folder of tiles: what it shows, and how to check it with other tools."""

_TEXT = """\
The consent ledger of {origin}, {size} entries long, as static files (C2SP tlog-tiles).

What it shows
  checkpoint        the ledger's statement of its length and root, signed by its keeper and
                    cosigned by witnesses (C2SP signed-note, tlog-checkpoint, tlog-cosignature)
  tile/L/N          the tree of hashes (RFC 6962), 256 hashes in each full file
{entries}  policy.txt        the keys of the ledger and of its witnesses, as its keeper names them
                    (C2SP tlog-policy): compare them with keys that you got by another way
  receipt-key.jwk   the key that signs the receipts that people get (JWK, RFC 8037)

What it does not show
{hidden}
Check it
  accord-verify THIS-FOLDER --policy YOUR-POLICY.txt

Keep the file checkpoint. Next time, show that nothing before it was changed:
  accord-verify NEW-FOLDER --policy YOUR-POLICY.txt --since OLD-CHECKPOINT

With other tools
  A leaf hash is SHA-256(0x00 || leaf), a node SHA-256(0x01 || left || right). Go's
  golang.org/x/mod/sumdb/note opens the checkpoint with the log's key in policy.txt, and
  golang.org/x/mod/sumdb/tlog reads the tiles at height 8 (it writes tile/8/ for tile/).
"""
_ENTRIES = """\
  tile/entries/N    the entries themselves, each after its length in two bytes, the higher first
"""
_HIDDEN = """\
  Hashes say nothing about anybody, and nothing about what is in an entry. Entries and what they
  commit to are with the keeper of the ledger.
"""
_HIDDEN_BEHIND_ENTRIES = """\
  Entries hold kind, time and salted commitments. What they commit to is with the keeper of the
  ledger. When and how often things happened can be seen: keep the folder to yourself.
"""


def readme(origin: str, size: int, *, with_entries: bool) -> str:
    """Return the README of a folder with a ledger of that size."""
    return _TEXT.format(
        origin=origin,
        size=f"{size:,}",
        entries=_ENTRIES if with_entries else "",
        hidden=_HIDDEN_BEHIND_ENTRIES if with_entries else _HIDDEN,
    )
