"""The key of a witness: 32 bytes in a file that only its owner can read."""

import os
import secrets
from dataclasses import dataclass, field
from pathlib import Path

from consent.checkpoint import Cosigner
from coordinator.errors import NotInitialised, UnsafeKeyFile
from coordinator.settings import Settings

_SEED_BYTES = 32


@dataclass(frozen=True, slots=True)
class Witness:
    """The key of one witness, under its name."""

    cosigner: Cosigner = field(repr=False)

    @property
    def vkey(self) -> str:
        """The public half as a C2SP verifier key."""
        return self.cosigner.vkey


def create_key(path: Path) -> None:
    """Draw a key and write it where only its owner can read it.

    Raises: FileExistsError.
    """
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "wb") as file:
        file.write(secrets.token_bytes(_SEED_BYTES))
        file.flush()
        os.fsync(handle)


def read_seed(path: Path, make: str) -> bytes:
    """Read the key of a home that the command `make` makes.

    Raises: NotInitialised, UnsafeKeyFile.
    """
    try:
        mode = path.stat().st_mode
        seed = path.read_bytes()
    except OSError as e:
        raise NotInitialised(f"{path.parent} was not initialised", f"run: {make}") from e
    if mode & 0o077:
        raise UnsafeKeyFile(f"{path} can be read by others", f"run: chmod 600 {path}")
    if len(seed) != _SEED_BYTES:
        raise UnsafeKeyFile(f"{path} is not a witness key", "restore it from a backup")
    return seed


def load_witness(settings: Settings) -> Witness:
    """Read the witness key of a coordinator's home.

    Raises: NotInitialised, UnsafeKeyFile.
    """
    make = f"accord-coordinator init --home {settings.home}"
    seed = read_seed(settings.witness_key_file, make)
    return Witness(Cosigner(f"{settings.name}/witness", seed))
