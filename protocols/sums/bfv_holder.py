"""The half of `sums-bfv` that has the vectors and the key: it encrypts, and decrypts replies.

Chunk kept: `key`, the secret key.
"""

from protocols.errors import LocalError, MalformedMessage, UnexpectedMessage
from protocols.session import Continue, Fetch, Finish, Transition, Wait
from protocols.sums import seal
from protocols.sums.bfv_blocks import VectorBlocks
from protocols.sums.bfv_noise import noise_number, sums_of
from protocols.sums.bfv_records import (
    Encrypted,
    HolderCollecting,
    HolderOpening,
    HolderSending,
    Opening,
    Replies,
    Returned,
    Run,
    part,
    parts,
)
from protocols.sums.records import SumsGiven

KEY = "key"


def begin(run: Run, check: bytes) -> Continue:
    """Draw a key pair and say the public key."""
    secret, public = seal.scheme(run.packing().plain_bits).new_keys()
    return Continue(HolderOpening(run), Opening(check, run.rows.count, public), {KEY: secret})


def start(state: HolderOpening, opening: Opening, fetch: Fetch) -> Transition:
    """Take the other side's opening, and begin to send."""
    if opening.key:
        raise MalformedMessage("only the side with the vectors has a key")
    if state.run.encryptions() == 0:
        return Wait(HolderCollecting(state.run, 0, ()))
    return send(HolderSending(state.run, 0), fetch)


def send(state: HolderSending, fetch: Fetch) -> Continue:
    """Encrypt and send the next blocks."""
    run = state.run
    layout, total = run.params.layout, run.encryptions()
    holder = seal.scheme(run.packing().plain_bits).holder(fetch(KEY))
    vectors = VectorBlocks(layout, run.blocks(), fetch)
    ciphers = [
        holder.encrypt(vectors.polynomial(*divmod(number, layout.vectors)))
        for number in part(state.next, total)
    ]
    said = Encrypted(state.next, b"".join(ciphers))
    if state.next + 1 < parts(total):
        return Continue(HolderSending(run, state.next + 1), said)
    return Continue(HolderCollecting(run, 0, ()), said)


def collect(state: HolderCollecting, message: Replies, fetch: Fetch) -> Transition:
    """Decrypt replies; after the last, end with the sums or return them masked."""
    run = state.run
    packing, total = run.packing(), run.replies()
    if message.index != state.next:
        raise UnexpectedMessage(f"message {message.index} came where {state.next} is due")
    due, size = part(state.next, total), packing.reply_bytes
    if len(state.numbers) != due.start:
        raise LocalError("the state has other numbers than have come")
    if len(message.ciphers) != size * len(due):
        raise MalformedMessage(f"{len(message.ciphers)} bytes came for {len(due)} replies")
    holder = seal.scheme(packing.plain_bits).holder(fetch(KEY))
    numbers = state.numbers + tuple(
        holder.constant_of(message.ciphers[at : at + size], packing.level)
        for at in range(0, len(message.ciphers), size)
    )
    if len(numbers) < total:
        return Wait(HolderCollecting(run, state.next + 1, numbers))
    if run.params.to_holder:
        return Finish(sums_of(run.params, packing, list(numbers), run.rows.count))
    groups, modulus = packing.groups * run.params.layout.vectors, 1 << packing.plain_bits
    noisy = [
        (number + noise_number(run.params, group)) % modulus
        for number, group in zip(numbers, groups, strict=True)
    ]
    words = b"".join(number.to_bytes(8, "little") for number in noisy)
    return Finish(SumsGiven(run.rows.count), Returned(words))
