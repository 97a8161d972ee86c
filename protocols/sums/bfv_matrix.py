"""The half of `sums-bfv` that has the matrix: it computes on encrypted vectors and sends sums back.

Chunks kept: the encrypted sums so far, 16 in a chunk. They are named by whether the next message
has an even or an odd number, so that a step which a crash repeats finds what it began with.
"""

from typing import Any

import numpy as np

from protocols.errors import LocalError, MalformedMessage, UnexpectedMessage
from protocols.session import Continue, Fetch, Finish, Rng, Role, Transition, Wait
from protocols.sums import seal
from protocols.sums.bfv_blocks import MatrixBlocks
from protocols.sums.bfv_noise import noise_number, sums_of
from protocols.sums.bfv_records import (
    Encrypted,
    MatrixAwaiting,
    MatrixOpening,
    MatrixReplying,
    MatrixSumming,
    Opening,
    Replies,
    Returned,
    Run,
    part,
    parts,
)
from protocols.sums.flooding import flooded, mask
from protocols.sums.records import SumsGiven
from protocols.sums.seal_stream import memory

Ciphers = list[Any]


def start(state: MatrixOpening, opening: Opening) -> Transition:
    """Take the key: begin every sum with a fresh encryption of zero.

    These encryptions are what makes the second halves of the replies independent of the matrix.
    """
    run = state.run
    scheme = seal.scheme(run.packing().plain_bits)
    encryptor = scheme.under(opening.key)
    with seal.answerable(MalformedMessage):
        sums = [scheme.zero(encryptor) for _ in range(run.replies())]
    answer = Opening(run.check_of(Role.RESPONDER), run.rows.count, b"")
    after = MatrixSumming(run, 0) if run.encryptions() else MatrixReplying(run, 0, ())
    return Continue(after, answer, _kept(run, 0, sums))


def add(state: MatrixSumming, message: Encrypted, fetch: Fetch, rng: Rng) -> Transition:
    """Take encrypted blocks: multiply each by the columns' numbers, add to the sums."""
    run = state.run
    if message.index != state.next:
        raise UnexpectedMessage(f"message {message.index} came where {state.next} is due")
    due = part(state.next, run.encryptions())
    if len(message.ciphers) != seal.ENCRYPTED_BYTES * len(due):
        raise MalformedMessage(f"{len(message.ciphers)} bytes came for {len(due)} encryptions")
    sums = _sums(run, state.next, fetch)
    _add_blocks(run, due, message.ciphers, sums, fetch)
    if state.next + 1 < parts(run.encryptions()):
        return Wait(MatrixSumming(run, state.next + 1), _kept(run, state.next + 1, sums))
    keep = _kept(run, state.next + 1, sums)
    return reply(MatrixReplying(run, 0, ()), keep.__getitem__, rng, keep)


def _add_blocks(run: Run, due: range, ciphers: bytes, sums: Ciphers, fetch: Fetch) -> None:
    layout, packing = run.params.layout, run.packing()
    scheme = seal.scheme(packing.plain_bits)
    matrix = MatrixBlocks(layout, packing, run.blocks(), fetch)
    size, groups = seal.ENCRYPTED_BYTES, len(packing.groups)
    by_block: dict[int, list[tuple[int, Any]]] = {}
    for i, number in enumerate(due):
        block, vector = divmod(number, layout.vectors)
        cipher = scheme.encrypted(ciphers[i * size : (i + 1) * size])
        by_block.setdefault(block, []).append((vector, cipher))
    with seal.answerable(MalformedMessage), memory() as held:
        for block, encrypted in by_block.items():
            for group, coefficients in enumerate(matrix.polynomials(block)):
                counts = bool(coefficients.any())
                if not counts:
                    # SEAL refuses to multiply by zero; the work is the same all the same.
                    coefficients[0] = 1
                factor = scheme.factor(coefficients, held)
                for vector, cipher in encrypted:
                    product = scheme.product(cipher, factor)
                    if counts:
                        scheme.add(sums[vector * groups + group], product)


def reply(
    state: MatrixReplying, fetch: Fetch, rng: Rng, keep: dict[str, bytes] | None = None
) -> Transition:
    """Send the next sums: masked, with this side's noise if it does not learn them, flooded."""
    run = state.run
    packing, total = run.packing(), run.replies()
    due, masks, ciphers = part(state.next, total), list(state.masks), []
    sums = _sums_in(run, fetch, parts(run.encryptions()), state.next)
    for number, summed in zip(due, sums, strict=True):
        coefficients = mask(packing.plain_bits, rng)
        if run.params.to_holder:
            group = packing.groups[number % len(packing.groups)]
            noise = noise_number(run.params, group) % (1 << packing.plain_bits)
            coefficients[0] = noise
        else:
            masks.append(int(coefficients[0]))
        ciphers.append(_finished(run, summed, coefficients, rng))
    said, kept = Replies(state.next, b"".join(ciphers)), keep or {}
    if state.next + 1 < parts(total):
        return Continue(MatrixReplying(run, state.next + 1, tuple(masks)), said, kept)
    if run.params.to_holder:
        return Finish(SumsGiven(run.rows.count), said, kept)
    return Continue(MatrixAwaiting(run, tuple(masks)), said, kept)


def _finished(run: Run, summed: Any, coefficients: seal.Coefficients, rng: Rng) -> bytes:
    """Return a sum as it is sent: the mask added, flooded, and only then switched down."""
    packing = run.packing()
    scheme = seal.scheme(packing.plain_bits)
    with seal.answerable(MalformedMessage):
        scheme.back(summed, coefficients)
        drowned = flooded(
            scheme.residues(summed), scheme.primes[: seal.LEVELS], packing.flood_bits, rng
        )
        switched = scheme.switched(scheme.cipher(drowned), packing.level)
        return scheme.residues(switched, packing.level)


def finish(state: MatrixAwaiting, message: Returned) -> Finish:
    """Take the masks off what was returned: the sums."""
    run = state.run
    packing, modulus = run.packing(), 1 << run.packing().plain_bits
    if len(state.masks) != run.replies():
        raise LocalError("the state has another number of masks than of replies")
    if len(message.numbers) != 8 * len(state.masks):
        raise MalformedMessage(f"{len(message.numbers)} bytes came for {len(state.masks)} numbers")
    returned = [int(number) for number in np.frombuffer(message.numbers, "<u8")]
    if max(returned) >= modulus:
        raise MalformedMessage("a number is not one of a plaintext's")
    numbers = [(a - b) % modulus for a, b in zip(returned, state.masks, strict=True)]
    return Finish(sums_of(run.params, packing, numbers, run.rows.count))


def _sums(run: Run, message: int, fetch: Fetch) -> Ciphers:
    """Return the sums as they are when so many messages have come."""
    return [
        summed
        for index in range(parts(run.replies()))
        for summed in _sums_in(run, fetch, message, index)
    ]


def _sums_in(run: Run, fetch: Fetch, message: int, index: int) -> Ciphers:
    scheme, data = seal.scheme(run.packing().plain_bits), fetch(_name(message, index))
    size = seal.CIPHER_BYTES
    if len(data) != size * len(part(index, run.replies())):
        raise LocalError("a kept chunk has the wrong length")
    return [scheme.cipher(data[at : at + size], ntt=True) for at in range(0, len(data), size)]


def _kept(run: Run, message: int, sums: Ciphers) -> dict[str, bytes]:
    scheme = seal.scheme(run.packing().plain_bits)
    return {
        _name(message, index): b"".join(
            scheme.residues(sums[i]) for i in part(index, run.replies())
        )
        for index in range(parts(run.replies()))
    }


def _name(message: int, index: int) -> str:
    return f"sums-{'even' if message % 2 == 0 else 'odd'}/{index:05}"
