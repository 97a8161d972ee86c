"""A prepared set at its beginning, and what is told of it to the party that has it."""

from collections.abc import Mapping, Sequence
from typing import Any

from pyroaring import BitMap

from party_node.prepared.manifests import SetManifest
from protocols.psi.epochs import epoch_context
from protocols.psi.prepared_kept import Version
from protocols.psi.tag_sets import EMPTY


def begun(
    scope: bytes, tag_bytes: int, types: int, epoch: bytes, key: bytes, now_ms: int
) -> SetManifest:
    """Return the empty set that an epoch begins with."""
    nobody = BitMap().serialize()
    return SetManifest(
        scope=scope,
        tag_bytes=tag_bytes,
        epoch=epoch,
        key=key,
        created_ms=now_ms,
        asked=(),
        version=Version(0, EMPTY.digest(epoch_context(scope, epoch, tag_bytes), 0)),
        laid=0,
        checksum=EMPTY,
        types=types,
        index_state="",
        unchecked=nobody,
        people=nobody,
        without=nobody,
        filling=nobody,
        shards=(),
        changes=(),
    )


def report_of(
    manifest: SetManifest, kinds: Sequence[str], shared: Mapping[str, int]
) -> dict[str, Any]:
    """Return the counts of a set, as `matching_input` does; `shared` is said of the types."""
    return {
        "matchable": len(BitMap.deserialize(manifest.people)),
        "items": manifest.checksum.count,
        "identifiers": {
            kind: {
                "people": manifest.people_of(position),
                "values": manifest.values_of(position),
                "shared": shared.get(kind, 0),
            }
            for position, kind in enumerate(kinds)
        },
        "beyond": 0,
    }
