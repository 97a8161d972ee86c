import numpy as np
import pytest

from party_node.bench.asking import read
from party_node.bench.sets import MadeUp, plain
from party_node.chunks import ChunkStore
from party_node.vault import Vault
from protocols.session import Role
from tests.support.seeded import seeded


@pytest.mark.parametrize(
    ("sizes", "common"), [("30x20", 0.4), ("20x30", 1.0), ("5x5", 0.0), ("0x7", 0.5), ("1x9", 1.0)]
)
def test_the_plain_intersection_is_that_of_the_digests(sizes, common, tmp_path):
    asked = read(sizes, "psi-dh", "relay", common)
    mine, theirs = MadeUp.of(asked, Role.INITIATOR), MadeUp.of(asked, Role.RESPONDER)
    assert (len(mine.digests), len(theirs.digests)) == (asked.receiver_items, asked.sender_items)
    store = ChunkStore(tmp_path, Vault(bytes(32)), "0" * 32)
    items, order = mine.lay_out(store, 8, seeded("order"))
    laid = b"".join(store.fetch(f"own/{i:05}") for i in range(items.chunk_count()))
    rows = [laid[i : i + 32] for i in range(0, len(laid), 32)]
    both = {row.tobytes() for row in theirs.digests}
    wanted = [i for i, row in enumerate(rows) if row in both]
    assert plain(asked, order).tolist() == wanted
    assert len(wanted) == asked.common


def test_the_order_is_another_with_other_randomness(tmp_path):
    asked = read("200x1", "psi-dh", "relay", 0)
    store = ChunkStore(tmp_path, Vault(bytes(32)), "0" * 32)
    made = MadeUp.of(asked, Role.INITIATOR)
    first, second = (made.lay_out(store, 64, seeded(name))[1] for name in ("a", "b"))
    assert not np.array_equal(first, second)
