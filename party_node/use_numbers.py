"""How the uses of one job are numbered in the ledger: one towards each other party."""

from collections.abc import Iterator, Sequence


def numbered(job: str, peers: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Yield each other party with the number of the use towards it.

    The first has the job's own number, or that of a later use of what the job brought.
    """
    for place, peer in enumerate(peers):
        yield peer, job if place == 0 else f"{job}-to-{peer}"
