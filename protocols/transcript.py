"""What was said in a run, as 32 bytes that both sides compare at the end.

There is one hash chain for each direction: messages of the two directions cross on the way, so the
two sides see them interleaved differently, but each direction arrives in its own order.
"""

import dataclasses
import hashlib
from dataclasses import dataclass
from typing import ClassVar

from protocols.codec import Record
from protocols.errors import InvalidParameter
from protocols.session import Role

_START = b"accord/transcript-start/1\x00"
_LINK = b"accord/transcript-link/1\x00"
_END = b"accord/transcript-end/1\x00"


@dataclass(frozen=True, slots=True)
class Transcript(Record):
    """The two chains so far: 32 bytes for what each side has said."""

    KIND: ClassVar[str] = "transcript/1"
    initiator: bytes
    responder: bytes

    @classmethod
    def start(cls, ctx: bytes) -> "Transcript":
        """Return the empty transcript of the run that `ctx` (32 bytes) names.

        Raises: InvalidParameter if ctx has another length.
        """
        if len(ctx) != 32:
            raise InvalidParameter("a context has 32 bytes")
        return cls(*(_hash(_START, role.value.encode(), ctx) for role in Role))

    def add(self, role: Role, message: bytes) -> "Transcript":
        """Return the transcript after `role` said `message` (an encoded record)."""
        link = _hash(_LINK, getattr(self, role.value), hashlib.sha256(message).digest())
        return dataclasses.replace(self, **{role.value: link})

    def digest(self) -> bytes:
        """Return the 32 bytes that both sides must have in common."""
        return _hash(_END, self.initiator, self.responder)


@dataclass(frozen=True, slots=True)
class Transcripts(Record):
    """What a party said to, and heard from, each other party of its run, in their order."""

    KIND: ClassVar[str] = "transcripts/1"
    each: tuple[Transcript, ...]

    @classmethod
    def start(cls, ctx: bytes, peers: int) -> "Transcripts":
        """Return the empty transcripts of a run. Raises: as `Transcript.start`."""
        return cls((Transcript.start(ctx),) * peers)

    def add(self, peer: int, role: Role, message: bytes) -> "Transcripts":
        """Return them after `role` of this party and that peer said `message`.

        The one with the lower number in the job is the initiator of the two.
        """
        added = self.each[peer].add(role, message)
        return Transcripts((*self.each[:peer], added, *self.each[peer + 1 :]))

    def digests(self) -> tuple[bytes, ...]:
        """Return for each peer the 32 bytes that it must have too."""
        return tuple(one.digest() for one in self.each)


def _hash(label: bytes, *parts: bytes) -> bytes:
    """Hash parts of fixed lengths under a label; only a role's name varies, before 32 bytes."""
    return hashlib.sha256(label + b"".join(parts)).digest()
