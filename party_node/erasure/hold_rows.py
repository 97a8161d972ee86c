"""Keyed digests of what a hold keeps, so that a changed row is found without any token."""

import hmac

from party_node.erasure.hold_tables import HeldPayloadRow, HoldHalfRow
from party_node.vault import Vault


class HoldRows:
    """Makes and checks the rows of one node."""

    def __init__(self, vault: Vault) -> None:
        self._key = vault.derive("hold-check/1")

    def half(self, hold: str, name: str, role: str, sealed: bytes) -> HoldHalfRow:
        """Return the row of a sealed half."""
        check = self._digest(f"half/{hold}/{name}/{role}", sealed)
        return HoldHalfRow(hold=hold, name=name, role=role, sealed=sealed, check=check)

    def payload(self, hold: str, index: int, sealed: bytes) -> HeldPayloadRow:
        """Return the row of a sealed payload."""
        check = self._digest(f"payload/{hold}/{index}", sealed)
        return HeldPayloadRow(hold=hold, index=index, sealed=sealed, check=check)

    def fits(self, row: HoldHalfRow | HeldPayloadRow) -> bool:
        """Tell whether a row is as it was written."""
        made = (
            self.half(row.hold, row.name, row.role, row.sealed)
            if isinstance(row, HoldHalfRow)
            else self.payload(row.hold, row.index, row.sealed)
        )
        return hmac.compare_digest(made.check, row.check)

    def _digest(self, where: str, sealed: bytes) -> bytes:
        return hmac.digest(self._key, where.encode() + b"\x00" + sealed, "sha256")
