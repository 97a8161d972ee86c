"""Whose files an erasure has still to clean, sealed beside its entry.

Sealed, because it names persons, and because a changed number would have somebody else's rows
cleaned and leave those of the person who was erased.
"""

import base64
import binascii
import json
from collections.abc import Iterable

from party_node.errors import SealBroken
from party_node.vault import Vault


def seal_pending(vault: Vault, entry: int, people: Iterable[int]) -> str:
    """Return the numbers of people as text that only this node opens."""
    said = json.dumps(sorted(people)).encode()
    return base64.b64encode(vault.seal(_context(entry), said)).decode()


def open_pending(vault: Vault, entry: int, pending: str) -> list[int]:
    """Return what `seal_pending` was given; nobody, if the text is empty.

    Raises: SealBroken.
    """
    if not pending:
        return []
    try:
        sealed = base64.b64decode(pending, validate=True)
    except (binascii.Error, ValueError) as e:
        raise SealBroken from e
    if base64.b64encode(sealed).decode() != pending:
        raise SealBroken
    people: list[int] = json.loads(vault.open(_context(entry), sealed))
    return people


def _context(entry: int) -> str:
    return f"erasure-pending/{entry}"
