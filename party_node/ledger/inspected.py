"""What a check of a ledger needs of it, and the parts of one that nobody serves.

Opening a ledger to work with makes its state and refuses what is damaged. A check wants to see the
damage as it is: it reads, makes nothing anew and writes nothing.
"""

import secrets
from dataclasses import dataclass
from typing import Protocol

from consent.checkpoint import LogSigner
from party_node.database import Database
from party_node.identity import Identity
from party_node.ledger.checkpoints import Checkpoints
from party_node.ledger.entries import EntryReader
from party_node.ledger.keyring import Keyring
from party_node.ledger.state import StateStore
from party_node.ledger.tree_store import TreeStore
from party_node.stamps import Stamps
from party_node.vault import Vault


class Checkable(Protocol):
    """A ledger that can be checked: one that is served, or an `Inspected`."""

    @property
    def database(self) -> Database: ...
    @property
    def vault(self) -> Vault: ...
    @property
    def controller(self) -> str: ...
    @property
    def vkey(self) -> str: ...
    @property
    def checkpoints(self) -> Checkpoints: ...
    @property
    def keyring(self) -> Keyring: ...
    @property
    def content_key(self) -> bytes: ...
    @property
    def reader(self) -> EntryReader: ...
    @property
    def store(self) -> StateStore: ...


@dataclass(frozen=True, slots=True)
class Inspected:
    """The parts of a ledger, opened to be looked at only."""

    database: Database
    vault: Vault
    controller: str
    vkey: str
    checkpoints: Checkpoints
    keyring: Keyring
    content_key: bytes
    reader: EntryReader
    store: StateStore
    identity: Identity


def inspected(db: Database, vault: Vault, origin: str, seed: bytes, controller: str) -> Inspected:
    """Return the parts of the ledger in a database; nothing is read yet."""
    keyring, signer = Keyring(vault, secrets.token_bytes), LogSigner(origin, seed)
    Stamps(vault).guard(db)
    reader, identity = EntryReader(keyring, controller), Identity(db, vault)
    return Inspected(
        database=db,
        vault=vault,
        controller=controller,
        vkey=signer.vkey,
        checkpoints=Checkpoints(db, signer),
        keyring=keyring,
        content_key=vault.derive("event-content/1"),
        reader=reader,
        store=StateStore(
            vault, reader, TreeStore(db), lambda name: identity.dense_of([name])[name]
        ),
        identity=identity,
    )
