"""Envelopes that were taken out of the mailbox before the run could hear them.

A mailbox holds a limited number of bytes, of both directions together. Where both sides speak at
once, it may be full of what one of them is not going to read before it has sent everything: then
neither could go on. So a side that finds the mailbox full takes what has come for it, keeps it on
its own disk and lets the relay erase it. What is here is sealed as it came, and once more as a
chunk; it is opened and checked when its turn comes. It goes with the chunks when the run ends.
"""

from party_node.chunks import ChunkStore
from party_node.errors import NotFound

MOST_BYTES = 8 * 2**30
"""Of one run. A side that has so much waiting takes no more, and so waits for its peers."""
_NAME = "inbound"


class Spool:
    """What a peer has sent that waits on disk for a run, by the step that it is to be heard at."""

    def __init__(self, chunks: ChunkStore, peer: str) -> None:
        self._chunks, self._peer = chunks, peer

    def keep(self, step: int, envelope: bytes) -> None:
        """Keep an envelope durably; the same again changes nothing. Raises: DiskFull."""
        self._chunks.keep({self._name(step): envelope})

    def take(self, step: int) -> bytes | None:
        """Return the envelope of that step, or None if it is not here; it stays."""
        try:
            return self._chunks.fetch(self._name(step))
        except NotFound:
            return None

    def forget(self, step: int) -> None:
        """Remove what was heard, and what a crash may have left of the step before."""
        for heard in range(max(0, step - 1), step + 1):
            self._chunks.drop(self._name(heard))

    def has_room(self) -> bool:
        """Return whether one more may be kept."""
        return self._chunks.size_of(f"{_NAME}/") < MOST_BYTES

    def _name(self, step: int) -> str:
        return f"{_NAME}/{self._peer}/{step:08}"
