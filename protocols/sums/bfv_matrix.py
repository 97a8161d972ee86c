"""The half of `sums-bfv` that has the matrix: it computes on encrypted vectors and sends sums back.

It gathers encryptions, and adds them up batch by batch (`Run.batch`), those that came last where
the replies begin: sums are large, and to store them takes longer than to add to them.

Chunks kept: `public` (the other side's key); `encrypted/…`, the messages of the batch, each in the
place of one of the batch before; `sums-even/…` and `sums-odd/…`, the sums after an even or an odd
number of batches; `replies/…`, made already and not yet said. So a step that a crash repeats finds
what it began with.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np

from protocols.errors import LocalError, MalformedMessage, UnexpectedMessage
from protocols.psi.chunks import kept
from protocols.session import Continue, Fetch, Finish, Rng, Role, Transition, Wait
from protocols.sums import bfv_adding, seal
from protocols.sums.bfv_adding import Adding, Sum
from protocols.sums.bfv_noise import noise_number, sums_of
from protocols.sums.bfv_records import (
    TILE,
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
from protocols.sums.seal_stream import Memory, memory

PUBLIC = "public"


def start(state: MatrixOpening, opening: Opening) -> Transition:
    """Take the key."""
    run = state.run
    seal.scheme(run.packing().plain_bits).under(opening.key)
    answer = Opening(run.check_of(Role.RESPONDER), run.rows.count, b"")
    after = MatrixSumming(run, 0) if run.encryptions() else MatrixReplying(run, 0, ())
    return Continue(after, answer, {PUBLIC: opening.key})


def add(state: MatrixSumming, message: Encrypted, fetch: Fetch, rng: Rng) -> Transition:
    """Take encrypted blocks: keep them, and add a whole batch to the sums."""
    run, index = state.run, state.next
    if message.index != index:
        raise UnexpectedMessage(f"message {message.index} came where {index} is due")
    due, size = part(index, run.encryptions()), seal.ENCRYPTED_BYTES
    if len(message.ciphers) != size * len(due):
        raise MalformedMessage(f"{len(message.ciphers)} bytes came for {len(due)} encryptions")
    scheme = seal.scheme(run.packing().plain_bits)
    for at in range(0, len(message.ciphers), size):
        scheme.check_encrypted(message.ciphers[at : at + size])
    keep = {_encrypted(run, index): message.ciphers}
    if index + 1 == parts(run.encryptions()):
        return reply(MatrixReplying(run, 0, ()), fetch, rng, keep)
    if run.batches_before(index + 1) > run.batches_before(index):
        keep = _added(run, index + 1, _with(keep, fetch))
    return Wait(MatrixSumming(run, index + 1), keep)


def _added(run: Run, message: int, fetch: Fetch) -> dict[str, bytes]:
    """Return the sums with a whole batch, of which message `message` - 1 is the last."""
    scheme, batches = seal.scheme(run.packing().plain_bits), run.batches_before(message)
    keep: dict[str, bytes] = {}
    adding = _adding(run, range(message - run.batch(), message), fetch)
    for index in range(0, parts(run.replies()), TILE):
        with memory() as held:
            numbers, sums = _before(run, index, batches - 1, fetch, held)
            adding.add(numbers, sums, held)
            keep |= {
                _sums(batches, i): bfv_adding.write(
                    scheme, sums[here.start - numbers.start : here.stop - numbers.start], held
                )
                for i, here in _tile(run, index)
            }
    return keep


def reply(
    state: MatrixReplying, fetch: Fetch, rng: Rng, keep: Mapping[str, bytes] | None = None
) -> Transition:
    """Send the next sums; where none are made, make some: masked, with this side's noise if it does
    not learn them, flooded.
    """
    run, kept_too = state.run, dict(keep or {})
    total, masks = run.replies(), state.masks
    if state.next % TILE == 0:
        made, fresh = _replies(run, state.next, _with(kept_too, fetch), rng)
        masks += made
        kept_too |= fresh
    said = Replies(state.next, _with(kept_too, fetch)(_reply(state.next)))
    if state.next + 1 < parts(total):
        return Continue(MatrixReplying(run, state.next + 1, masks), said, kept_too)
    if run.params.to_holder:
        return Finish(SumsGiven(run.rows.count), said, kept_too)
    return Continue(MatrixAwaiting(run, masks), said, kept_too)


def _replies(
    run: Run, index: int, fetch: Fetch, rng: Rng
) -> tuple[tuple[int, ...], dict[str, bytes]]:
    """Return the masks, and as chunks the messages, of the replies from message `index` on."""
    packing, said = run.packing(), parts(run.encryptions())
    scheme, batches = seal.scheme(packing.plain_bits), run.batches_before(said)
    encryptor, masks, found = scheme.under(fetch(PUBLIC)), [], {}
    with memory() as held:
        numbers, sums = _before(run, index, batches, fetch, held)
        _adding(run, range(batches * run.batch(), said), fetch).add(numbers, sums, held)
        for i, here in _tile(run, index):
            ciphers = []
            for number in here:
                coefficients = mask(packing.plain_bits, rng)
                if run.params.to_holder:
                    group = packing.groups[number % len(packing.groups)]
                    noise = noise_number(run.params, group) % (1 << packing.plain_bits)
                    coefficients[0] = noise
                else:
                    masks.append(int(coefficients[0]))
                summed, sums[number - numbers.start] = sums[number - numbers.start], Sum()
                ciphers.append(_finished(run, summed, encryptor, coefficients, rng, held))
            found[_reply(i)] = b"".join(ciphers)
    return tuple(masks), found


def _finished(
    run: Run, summed: Sum, encryptor: Any, coefficients: seal.Coefficients, rng: Rng, held: Memory
) -> bytes:
    """Return a sum as it is sent: with a fresh encryption of zero and the mask added, flooded, and
    only then switched down.

    The encryption of zero is what makes the second half of a reply independent of the matrix.
    """
    packing = run.packing()
    scheme = seal.scheme(packing.plain_bits)
    with seal.answerable(MalformedMessage):
        found = scheme.zero(encryptor)
        computed = summed.spare if summed.cipher is None else summed.cipher
        if computed is not None:
            scheme.back(computed)
        if summed.cipher is not None:
            scheme.add(found, computed)
        scheme.add_plain(found, coefficients, held)
        flooded(scheme, found, packing.flood_bits, rng, held)
        return scheme.residues(scheme.switched(found, packing.level), packing.level, held)


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


def _adding(run: Run, messages: range, fetch: Fetch) -> Adding:
    return Adding(run, messages, lambda index: fetch(_encrypted(run, int(index))), fetch)


def _tile(run: Run, index: int) -> list[tuple[int, range]]:
    """Return the messages of replies that are made together, from `index` on, and their sums."""
    last = min(index + TILE, parts(run.replies()))
    return [(i, part(i, run.replies())) for i in range(index, last)]


def _before(
    run: Run, index: int, batches: int, fetch: Fetch, held: Memory
) -> tuple[range, list[Sum]]:
    """Return the numbers of these sums, and the sums after so many batches."""
    scheme, tile, sums = seal.scheme(run.packing().plain_bits), _tile(run, index), list[Sum]()
    for i, here in tile:
        if batches:
            sums += bfv_adding.read(scheme, fetch(_sums(batches, i)), len(here), held)
        else:
            sums += [Sum() for _ in here]
    return range(tile[0][1].start, tile[-1][1].stop), sums


def _with(keep: Mapping[str, bytes], fetch: Fetch) -> Fetch:
    """Return what reads chunks of this same step too."""
    return lambda name: keep[name] if name in keep else fetch(name)


def _encrypted(run: Run, message: int) -> str:
    return kept("encrypted", message % run.batch())


def _sums(batches: int, index: int) -> str:
    return kept(f"sums-{'even' if batches % 2 == 0 else 'odd'}", index)


def _reply(index: int) -> str:
    return kept("replies", index)
