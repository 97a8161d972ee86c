"""The tokens of people in roles: who holds one is in that role.

A token holds 32 random bytes and is shown once. The node keeps a digest of it, to know it again,
and the public half of keys that follow from it. So what is sealed to those keys is opened by the
token and by nothing that the node has.
"""

import enum
import hashlib
import re
from dataclasses import dataclass, field

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from protocols.keys import PartyKeys
from protocols.session import Rng

SECRET_BYTES = 32
_TEXT = re.compile(r"accord_(operator|compliance)_([0-9a-f]{64})", re.ASCII)
_SIGNING, _MLKEM, _X25519 = 32, 64, 32


class StaffRole(enum.StrEnum):
    """What somebody is to this node."""

    ADMINISTRATOR = "administrator"
    """Holds the node's own token: the file `token` in its home."""
    OPERATOR = "operator"
    COMPLIANCE = "compliance"

    @property
    def runs_jobs(self) -> bool:
        """Whether they ask for jobs, decide about them and use what they bring."""
        return self is not StaffRole.COMPLIANCE


@dataclass(frozen=True, slots=True)
class RoleToken:
    """A token in clear; it is never stored and never logged."""

    role: StaffRole
    secret: bytes = field(repr=False)

    @classmethod
    def draw(cls, role: StaffRole, rng: Rng) -> "RoleToken":
        """Return a new one."""
        return cls(role, rng(SECRET_BYTES))

    @classmethod
    def read(cls, text: str) -> "RoleToken | None":
        """Return the token that is written so, or None if this is no token."""
        found = _TEXT.fullmatch(text)
        return None if found is None else cls(StaffRole(found[1]), bytes.fromhex(found[2]))

    @property
    def text(self) -> str:
        """How it is written: secret scanners know it by its beginning."""
        return f"accord_{self.role.value}_{self.secret.hex()}"

    def digest(self) -> bytes:
        """Return 32 bytes that the token is known again by; a random secret needs no salt."""
        return hashlib.sha256(b"accord/role-token/1\x00" + self.text.encode()).digest()

    def keys(self, name: str) -> PartyKeys:
        """Return the keys that follow from it; as an envelope's, with a post-quantum half."""
        length = _SIGNING + _MLKEM + _X25519
        info = b"accord/role-keys/1\x00" + self.role.value.encode()
        drawn = HKDF(SHA256(), length, salt=None, info=info).derive(self.secret)
        middle = _SIGNING + _MLKEM
        return PartyKeys(name, drawn[:_SIGNING], drawn[_SIGNING:middle], drawn[middle:])
