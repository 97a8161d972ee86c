"""Shares of the sums: added up stretch by stretch, given away with noise, and put together.

A share is uniform modulo 256^w, where w is the width of its column in bytes, and only that is sent:
the upper bytes of the words that it is computed in would say something of the pads.
"""

import numpy as np
from numpy.typing import NDArray

from protocols.dp import noise
from protocols.errors import LocalError, MalformedMessage
from protocols.session import Fetch
from protocols.sums.cot_lanes import Lanes
from protocols.sums.cot_records import Run
from protocols.sums.records import Sums

Totals = NDArray[np.uint64]
"""Shape (vectors, columns): a side's shares, modulo 2^64."""


def name(index: int) -> str:
    """Return the name of the chunk with the shares after step `index`."""
    return f"share/{index % 2:05}"


def before(run: Run, index: int, fetch: Fetch) -> Totals:
    """Return the shares before step `index`. Raises: LocalError."""
    shape = run.params.layout.vectors, run.params.layout.columns
    if index == 0:
        return np.zeros(shape, np.uint64)
    kept = fetch(name(index - 1))
    if len(kept) != 8 * shape[0] * shape[1]:
        raise LocalError("the shares that were kept have another length")
    return np.frombuffer(kept, "<u8").reshape(shape).copy()


def add(totals: Totals, run: Run, plane: int, columns: NDArray[np.intp], sums: Lanes) -> None:
    """Add a sum for each of these columns, for one vector and digit."""
    vector, digit = divmod(plane, run.digits)
    found = sums.reshape(-1)[: len(columns)].astype(np.uint64)
    totals[vector, columns] += found << np.uint64(digit)


def give(run: Run, totals: Totals) -> bytes:
    """Return shares with this side's noise, as they are sent."""
    sigmas = [milli / 1000 for milli in run.params.sigma_milli]
    sent = []
    for row in totals.tolist():
        for share, width, sigma in zip(row, run.placing.widths, sigmas, strict=True):
            noisy = share + (noise.gaussian(sigma)(0) if sigma else 0)
            sent.append((noisy % 256**width).to_bytes(width, "little"))
    return b"".join(sent)


def together(run: Run, totals: Totals, given: bytes) -> Sums:
    """Return the sums: this side's shares and the other's, which has added its noise.

    Raises: MalformedMessage if these are not as long as they must be.
    """
    where, vectors = run.placing, run.params.layout.vectors
    if len(given) != vectors * sum(where.widths):
        raise MalformedMessage("there is not a share for each sum")
    values, at = [], 0
    for row in totals.tolist():
        for share, width, low in zip(row, where.widths, where.lows, strict=True):
            other = int.from_bytes(given[at : at + width], "little")
            values.append((share + other - low) % 256**width + low)
            at += width
    return Sums(run.rows.count, vectors, tuple(values))
