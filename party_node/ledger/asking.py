"""Asking one witness to cosign one checkpoint (C2SP tlog-witness), and reading what it says.

A witness wants a consistency proof from the size that it last saw, and says so when ours is
another. It learns the ledger's size and root, nothing of its entries. What it says is an answer and
never an exception: what follows from it depends on what the other witnesses say.
"""

import enum
from collections.abc import Callable
from dataclasses import dataclass
from http import HTTPStatus
from typing import Protocol

from consent.checkpoint import checkpoint_of, open_checkpoint, with_cosignatures
from consent.errors import ConsentError
from consent.note import Verified, Verifier, parse_decimal
from consent.witness import add_checkpoint_request

_TRIES = 3
_SHOWN = 200
"""Characters of an answer that are kept."""


class NoAnswer(Exception):
    """Nothing came back that could be read; the message says why."""


class Endpoint(Protocol):
    """The way to one witness."""

    def add_checkpoint(self, request: bytes) -> tuple[int, str]:
        """Send a request and return status and body.

        Raises: NoAnswer.
        """

    def close(self) -> None:
        """Drop all connections."""


class Said(enum.StrEnum):
    """What a witness says to a checkpoint."""

    COSIGNED = "cosigned"
    AHEAD = "ahead"
    """It has seen more entries of this ledger than there are: an old backup was restored."""
    REFUSED = "refused"
    """What it was shown does not continue what it saw."""
    UNKNOWN_LEDGER = "unknown-ledger"
    WRONG_KEY = "wrong-key"
    """It knows this ledger by another key."""
    NOT_UNDERSTOOD = "not-understood"
    """Its answer is none of the protocol, or its cosignature is not its own."""
    NO_ANSWER = "no-answer"
    NOT_YET = "not-yet"
    """It has not answered in time; an answer that comes later still counts."""


ALARMS = (Said.AHEAD, Said.REFUSED)
"""What says that this ledger's history is not the one that the witness knows."""

SENTENCES = {
    Said.COSIGNED: "has cosigned",
    Said.AHEAD: "has seen more entries of this ledger than there are",
    Said.REFUSED: "refuses: this checkpoint does not continue what it saw",
    Said.UNKNOWN_LEDGER: "does not know this ledger: its operator has to add the ledger's key",
    Said.WRONG_KEY: "knows this ledger by another key",
    Said.NOT_UNDERSTOOD: "gives an answer that cannot be used",
    Said.NO_ANSWER: "does not answer",
    Said.NOT_YET: "has not answered yet",
}


@dataclass(frozen=True, slots=True)
class Answer:
    """What one witness said to one checkpoint."""

    said: Said
    seen: int | None = None
    """Size that the witness has seen, where it is known from this answer."""
    detail: str = ""
    cosignatures: tuple[Verified, ...] = ()


Proof = Callable[[int, int], tuple[bytes, ...]]
"""Returns the consistency proof between two sizes of the ledger."""
Size = Callable[[], int]


def ask(
    endpoint: Endpoint,
    witness: Verifier,
    log: Verifier,
    note: str,
    seen: int,
    prove: Proof,
    size_now: Size,
) -> Answer:
    """Show a witness the checkpoint `note`; `seen` is the size that it saw last.

    `size_now` tells how large the ledger is when the answer comes, which may be later.
    """
    ours = checkpoint_of(note).size
    if seen > ours:
        seen = 0  # what is remembered here cannot be right: let the witness say
    for _ in range(_TRIES):
        proof = prove(seen, ours) if seen else ()
        try:
            status, body = endpoint.add_checkpoint(
                add_checkpoint_request(seen, proof, note).encode()
            )
        except NoAnswer as e:
            return Answer(Said.NO_ANSWER, detail=str(e))
        if status == HTTPStatus.OK:
            return _cosigned(note, body, log, witness, ours)
        if status != HTTPStatus.CONFLICT:
            return _refusal(status, body, seen)
        try:
            seen = parse_decimal(body.removesuffix("\n"))
        except ConsentError:
            return Answer(Said.NOT_UNDERSTOOD, detail="it did not say which size it has seen")
        if seen > size_now():
            return Answer(Said.AHEAD, seen, f"it has seen {seen} entries")
        if seen > ours:
            return Answer(Said.NOT_YET, seen, "it has seen a newer checkpoint meanwhile")
    return Answer(Said.NOT_UNDERSTOOD, seen, "it keeps changing its mind about the size")


def _cosigned(note: str, lines: str, log: Verifier, witness: Verifier, size: int) -> Answer:
    """Take the witness's own cosignature out of its answer; what else stands there is ignored."""
    try:
        opened = open_checkpoint(with_cosignatures(note, lines), log, [witness], 1)
    except ConsentError as e:
        return Answer(Said.NOT_UNDERSTOOD, detail=f"{e.code}: {e}")
    return Answer(Said.COSIGNED, size, cosignatures=opened.cosignatures)


_REFUSALS: dict[int, Said] = {
    HTTPStatus.FORBIDDEN: Said.WRONG_KEY,
    HTTPStatus.NOT_FOUND: Said.UNKNOWN_LEDGER,
    HTTPStatus.UNPROCESSABLE_ENTITY: Said.REFUSED,
}


def _refusal(status: int, body: str, seen: int) -> Answer:
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return Answer(Said.NO_ANSWER, detail=f"it is not well ({status})")
    shown = "".join(c if c.isprintable() else " " for c in body[:_SHOWN]).strip()
    said = _REFUSALS.get(status, Said.NOT_UNDERSTOOD)
    return Answer(said, seen if said is Said.REFUSED else None, f"status {status}: {shown}")
