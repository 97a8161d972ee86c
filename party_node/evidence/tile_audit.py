"""Checking a folder of tiles: checkpoint, hashes, entries where they are there, and what was seen
before.

Pure but for `read`. It believes nothing in the folder, except the policy if the auditor brings
none, and says so.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import TypeVar

from consent.audit import Check, Outcome
from consent.checkpoint import Checkpoint
from consent.entry_bundle import decode_entries, published_leaves
from consent.errors import ConsentError, LedgerInconsistent, MalformedRecord
from consent.jws import from_jwk
from consent.leaf_stream import verify_leaves
from consent.ledger import parse_leaf
from consent.merkle import HASH_BYTES, verify_consistency
from consent.policy import Policy, parse_policy, without_quorum
from consent.tile_audit import open_tiles, verified_leaves, verify_tiles
from consent.tiles import TILE_HEIGHT, TILE_WIDTH, EntryBundle, ReadPath, Tile, parse_path
from party_node.evidence.tile_folder import CHECKPOINT, POLICY, README, RECEIPT_KEY

T = TypeVar("T")
ReadNamed = Callable[[str], bytes | None]
"""Returns one of the files beside the tiles, or None."""


@dataclass(frozen=True, slots=True)
class Since:
    """The checkpoint that the auditor saw before, as a signed note."""

    note: bytes


def audit_tiles(
    read: ReadPath,
    named: ReadNamed,
    policy: Policy | None = None,
    *,
    with_entries: bool = False,
    since: Since | None = None,
    paths: Iterable[str] = (),
) -> list[Check]:
    """Run every check of a folder of tiles; never raises for what it holds.

    `policy` is the auditor's trust root. `with_entries` says whether there are entry bundles.
    `paths` are all files that are there: one that nothing vouches for is no evidence.
    """
    return _Audit(read, named).run(policy, since, paths, with_entries=with_entries)


class _Audit:
    def __init__(self, read: ReadPath, named: ReadNamed) -> None:
        self._read, self._named = read, named
        self._checks: list[Check] = []

    def run(
        self,
        policy: Policy | None,
        since: Since | None,
        paths: Iterable[str],
        *,
        with_entries: bool,
    ) -> list[Check]:
        if policy is None:
            policy = self._try("policy", self._own_policy, lambda _: "can be read")
            self._note("policy", "is the folder's own: compare its keys by other means")
        if policy is None:
            return self._checks
        trusted = policy
        said = self._try("checkpoint", lambda: trusted.open(self._file(CHECKPOINT)), _signed)
        if said is None:
            return self._checks
        tiles = self._try(
            "tiles",
            lambda: verify_tiles(self._read, said.size, said.root),
            lambda count: f"all {count:,} are there and lead to the checkpoint's root",
        )
        if with_entries:
            self._try(
                "entries",
                lambda: self._entries(said, tiles_hold=tiles is not None),
                lambda n: f"all {n:,} lead to the checkpoint's root",
            )
        else:
            self._note("entries", "are not in this folder: it shows that nothing was rewritten")
        self._files(said.size, paths)
        if since is not None:
            self._try(
                "since",
                lambda: self._continues(said, since, trusted),
                lambda before: f"everything up to entry {before.size:,} is as it was",
            )
        return self._checks

    def _try(self, what: str, check: Callable[[], T], passed: Callable[[T], str]) -> T | None:
        try:
            result = check()
        except ConsentError as e:
            self._checks.append(Check(what, Outcome.FAILED, str(e), e.code))
            return None
        self._checks.append(Check(what, Outcome.PASSED, passed(result)))
        return result

    def _note(self, what: str, detail: str) -> None:
        self._checks.append(Check(what, Outcome.NOTED, detail))

    def _files(self, size: int, paths: Iterable[str]) -> None:
        """Name what no other check has looked at and does not fit; say nothing if all does."""
        wrong = [f"{path} {why}" for path in paths if (why := self._why_not(path, size))]
        if wrong:
            more = f", and {len(wrong) - 1:,} more files" if len(wrong) > 1 else ""
            failed = (Outcome.FAILED, wrong[0] + more, LedgerInconsistent.code)
            self._checks.append(Check("files", *failed))

    def _why_not(self, path: str, size: int) -> str:
        if path in {CHECKPOINT, POLICY, README}:
            return ""
        try:
            if path == RECEIPT_KEY:
                from_jwk(self._file(RECEIPT_KEY))
                return ""
            return self._why_not_tile(path, size)
        except MalformedRecord:
            return "cannot be read" if path == RECEIPT_KEY else "does not belong here"

    def _why_not_tile(self, path: str, size: int) -> str:
        """Say what is wrong with a tile that the tree does not need. Raises: MalformedRecord."""
        tile = parse_path(path)
        level = 0 if isinstance(tile, EntryBundle) else tile.level
        there = (size >> TILE_HEIGHT * level) - tile.number * TILE_WIDTH
        if tile.width > there:
            return "goes beyond the checkpoint: nothing vouches for it"
        needed = replace(tile, width=min(there, TILE_WIDTH))
        if tile == needed:
            return ""  # compared already
        # A partial tile of a smaller tree: a log may keep it.
        data, whole = self._read(path) or b"", self._read(needed.path) or b""
        fits = whole.startswith(data) and _is_whole(tile, data)
        return "" if fits else "is not what the tree had then"

    def _file(self, name: str) -> bytes:
        data = self._named(name)
        if data is None:
            raise MalformedRecord(f"there is no {name}")
        return data

    def _own_policy(self) -> Policy:
        return parse_policy(self._file(POLICY))

    def _entries(self, said: Checkpoint, *, tiles_hold: bool) -> int:
        """Hash every leaf, and read it; what it commits to is not here."""
        if tiles_hold:
            for leaf in verified_leaves(self._read, said.size):
                parse_leaf(leaf)
        else:
            # Which bundle is wrong cannot be told without the tiles; whether one is, can.
            verify_leaves(published_leaves(self._read, said.size), said.size, said.root)
        return said.size

    def _continues(self, said: Checkpoint, since: Since, policy: Policy) -> Checkpoint:
        """Return the checkpoint of before, if the tiles continue it."""
        # Whoever was a witness then may be none now; that the log signed it is what counts.
        before = without_quorum(policy).open(since.note)
        if before.origin != said.origin:
            raise LedgerInconsistent("the checkpoint of before is of another ledger")
        if before.size > said.size:
            raise LedgerInconsistent(
                f"the ledger had {before.size} entries before, and has {said.size}"
            )
        tree = open_tiles(self._read, said.size, said.root)
        proof = tree.consistency_proof(before.size, said.size)
        verify_consistency(before.size, said.size, proof, before.root, said.root)
        return before


def _is_whole(tile: Tile | EntryBundle, data: bytes) -> bool:
    """Return whether these can be the bytes of a tile or a bundle of that width."""
    if isinstance(tile, Tile):
        return len(data) == tile.width * HASH_BYTES
    try:
        decode_entries(data, tile.width)
    except MalformedRecord:
        return False
    return True


def _signed(said: Checkpoint) -> str:
    return f"of size {said.size:,}, signed and cosigned as the policy asks"
