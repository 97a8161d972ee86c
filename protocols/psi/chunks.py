"""How a set is cut into chunks, what they are called, and whether a peer's chunk is the one due."""

from protocols.codec import Record
from protocols.errors import LocalError, MalformedMessage, UnexpectedMessage
from protocols.groups import Points
from protocols.groups import points_from_bytes as rows_from_bytes
from protocols.session import Fetch, Items

MATCHED = "matched"
LABELS = "labels"


def own(index: int) -> str:
    """Return the name of a chunk of the run's input."""
    return f"own/{index:05}"


def own_labels(index: int) -> str:
    """Return the name of a chunk of labels: one for each item of the same chunk of input."""
    return f"own-labels/{index:05}"


def kept(what: str, index: int) -> str:
    """Return the name of a chunk that a step keeps; `what` says what is in it."""
    return f"{what}/{index:05}"


def chunk_count(total: int, chunk_items: int) -> int:
    """Return into how many chunks `total` items are cut; none for an empty set."""
    return Items(total, chunk_items).chunk_count()


def chunk_length(total: int, chunk_items: int, index: int) -> int:
    """Return how many items chunk `index` has."""
    return max(0, min(chunk_items, total - index * chunk_items))


def check_chunk(found: int, due: int, data: bytes, size: int) -> None:
    """Return if a peer's chunk has the number that is due and exactly `size` bytes.

    Raises: UnexpectedMessage for another number, MalformedMessage for another size.
    """
    if found != due:
        raise UnexpectedMessage(f"chunk {found} came where {due} is due")
    if len(data) != size:
        raise MalformedMessage(f"a chunk has {len(data)} bytes where {size} are due")


def unexpected(state: Record, message: Record | None) -> UnexpectedMessage:
    """Return the refusal of what is not due."""
    came = "nothing" if message is None else message.KIND
    return UnexpectedMessage(f"{came} came in {state.KIND}")


def read_own(fetch: Fetch, items: Items, index: int) -> Points:
    """Return the digests of chunk `index` of the run's input, shape (n, 32).

    Raises: LocalError if the chunk has not the length that `items` says.
    """
    data = fetch(own(index))
    if len(data) != 32 * chunk_length(items.count, items.chunk_items, index):
        raise LocalError("a chunk of the input has the wrong length")
    return rows_from_bytes(data)


def read_kept(fetch: Fetch, what: str, count: int, row_bytes: int) -> bytes:
    """Return the first `count` kept chunks of `what`, one after the other.

    Raises: LocalError if they are not whole rows of that length.
    """
    data = b"".join(fetch(kept(what, i)) for i in range(count))
    if len(data) % row_bytes:
        raise LocalError("a kept chunk has the wrong length")
    return data


def cut(what: str, data: bytes, chunk_bytes: int) -> dict[str, bytes]:
    """Return `data` as kept chunks of `what`."""
    return {
        kept(what, i): data[at : at + chunk_bytes]
        for i, at in enumerate(range(0, len(data), chunk_bytes))
    }
