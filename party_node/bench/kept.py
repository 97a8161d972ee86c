"""A measured run against a prepared set: the set and its copy lie where a node keeps them.

The first run over a pair of homes prepares the set and sends it whole. In the second only what a
run costs from then on is left.
"""

import secrets
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
from pyroaring import BitMap

from party_node.bench.sets import MadeUp
from party_node.chunks import ChunkStore
from party_node.clock import system_clock
from party_node.database import Database
from party_node.datasets import Datasets
from party_node.home import Home
from party_node.identity import Identity
from party_node.matchable import Matchable
from party_node.prepared import in_runs
from party_node.prepared.kept_sets import KeptSets, Use
from party_node.stepping import Steps
from party_node.vault import Vault
from protocols.job import JobDescription
from protocols.job_params import params_of
from protocols.keys import PartyPublic
from protocols.psi.epochs import scope_of
from protocols.psi.params import MatchingParams
from protocols.psi.prepared import NAME
from protocols.psi.prepared_kept import ASKED
from protocols.session import Chunks, Items, Role

_KINDS, _STATE = ("email",), "made-up"


@dataclass(frozen=True, slots=True)
class Kept:
    """The kept sets of one side, for one use."""

    sets: KeptSets
    use: Use
    params: MatchingParams
    chunks: ChunkStore
    job: str
    role: Role

    @classmethod
    def of(
        cls,
        home: Home,
        db: Database,
        vault: Vault,
        job: JobDescription,
        keys: tuple[PartyPublic, PartyPublic],
        role: Role,
        chunks: ChunkStore,
    ) -> "Kept | None":
        """Return them, or None for a protocol that keeps none; `keys` are receiver's, sender's."""
        if job.protocol != NAME:
            return None
        datasets = Datasets(db, home, Identity(db, vault))
        sets = KeptSets(home, vault, datasets, system_clock, secrets.token_bytes)
        params = params_of(job)
        return cls(sets, Use(scope_of(job, *keys), params.tag_bytes), params, chunks, job.job, role)

    def lay(self, made: MadeUp) -> Items | None:
        """Pin the set, at the sender, and return its size; or the copy, at the receiver."""
        if self.role is Role.INITIATOR:
            self.sets.lay_copy(self.use, self.chunks)
            return None
        everybody = BitMap(range(len(made.digests)))
        laid = self.sets.lay_people(
            self.use, everybody, partial(_read, made), _STATE, len(_KINDS), self.params, self.chunks
        )
        return Items(laid.checksum.count, self.params.chunk_items)

    @property
    def has_read(self) -> bool:
        """Whether this side has read any of its identifiers: the sender only to prepare them."""
        return self.role is Role.INITIATOR or self.sets.evaluated > 0

    def around(self, steps: Steps) -> Steps:
        """Return the steps of a run, which read the kept set and count what is asked of it."""
        fetch = in_runs.reading(self.sets, self.use, self.chunks, self.params.chunk_items)
        return replace(steps, fetch=fetch, on_keep=self._note)

    def adopt(self) -> None:
        """Keep the copy that the run has made, at the receiver."""
        self.sets.adopt(self.use, self.chunks)

    def _note(self, keep: Chunks) -> None:
        if ASKED in keep:
            self.sets.count(self.use, self.job, int.from_bytes(keep[ASKED], "big"))


def _read(made: MadeUp, people: BitMap) -> Matchable:
    numbers = np.asarray(people.to_array(), np.uint32)
    nought = np.zeros(len(numbers), np.uint8)
    return Matchable(_KINDS, numbers, nought, made.digests[numbers], (0,))
