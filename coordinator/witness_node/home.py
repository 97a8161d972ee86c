"""The home folder of a witness: settings, key, database; and the lock of the process that serves.

witness.json   settings          witness.db   SQLite, unless a URL is set
witness.key    seed of the key   lock         held while it serves
"""

import fcntl
import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from consent.checkpoint import Cosigner
from coordinator.database import Database
from coordinator.errors import AlreadyServed, BadSetting, NotInitialised
from coordinator.migrations.schema import Schema
from coordinator.witness_key import Witness, create_key, read_seed
from coordinator.witness_node.settings import WitnessSettings

NAME = "accord-witness"
LOCK = "lock"
SCHEMA = Schema("coordinator.witness_node:migrations", f"{NAME} init", f"{NAME} init")


def make(chosen: WitnessSettings, given: Mapping[str, str]) -> None:
    """Make a home, or leave the one that exists as it is; `given` goes into its settings file.

    Raises: BadSetting if the home is of another witness; FileExistsError.
    """
    chosen.home.mkdir(mode=0o700, parents=True, exist_ok=True)
    if not chosen.key_file.exists():
        create_key(chosen.key_file)
    if not chosen.file.exists():
        fresh = chosen.file.with_suffix(".new")
        fresh.write_text(json.dumps(dict(given), indent=2) + "\n")
        fresh.chmod(0o600)
        fresh.replace(chosen.file)  # whole or not at all


def witness_of(chosen: WitnessSettings) -> Witness:
    """Read the key of a home.

    Raises: NotInitialised, UnsafeKeyFile, BadSetting.
    """
    seed = read_seed(chosen.key_file, f"{NAME} init --home {chosen.home} --name NAME")
    if not chosen.name:
        raise BadSetting(f"{chosen.file} gives the witness no name", "restore it from a backup")
    return Witness(Cosigner(chosen.name, seed, chosen.kind))


def database_of(chosen: WitnessSettings) -> Database:
    """Return the database of a home; nothing is connected yet.

    Raises: NotInitialised, BadSetting.
    """
    if not chosen.key_file.exists():
        raise NotInitialised(
            f"{chosen.home} was not initialised",
            f"run: {NAME} init --home {chosen.home} --name NAME",
        )
    return Database(chosen.effective_database_url, SCHEMA)


@contextmanager
def locked(chosen: WitnessSettings) -> Iterator[None]:
    """Hold the home's lock, which the operating system releases however the process ends.

    Raises: AlreadyServed if another process holds it.
    """
    path = chosen.home / LOCK
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise AlreadyServed(f"another process holds {path}", "stop it first") from None
        yield
    finally:
        os.close(descriptor)
