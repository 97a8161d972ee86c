"""Sums over encrypted blocks: a stretch of encryptions times the matrix, some sums at a time.

The encryptions lie in chunks, as they came. Sums are held transformed. One that nothing was added
to yet has no ciphertext of its own: SEAL has none of zero that it would compute with.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from protocols.errors import LocalError, MalformedMessage
from protocols.session import Fetch
from protocols.sums import seal
from protocols.sums.bfv_blocks import MatrixBlocks
from protocols.sums.bfv_records import Run, part
from protocols.sums.seal_stream import Memory

_NOTHING = bytes(seal.CIPHER_BYTES)


@dataclass
class Sum:
    """One of the sums."""

    cipher: Any = None
    """Of what was added; None for nothing."""
    spare: Any = None
    """A product that does not count, so that the work is the same whatever the matrix holds."""

    def add(self, scheme: seal.Scheme, product: Any, *, counts: bool) -> None:
        """Add a product, which is used up."""
        if not counts:
            self.spare = product
        elif self.cipher is None:
            self.cipher = product
        else:
            scheme.add(self.cipher, product)


@dataclass(frozen=True, slots=True)
class Adding:
    """What sums are made of: the encryptions of some messages, and the matrix."""

    run: Run
    messages: range
    """Numbers of the messages."""
    said: Fetch
    """Their ciphertexts, by number of the message in decimal digits."""
    fetch: Fetch
    """The matrix."""

    def add(self, numbers: range, sums: list[Sum], held: Memory) -> None:
        """Add to the sums of these numbers, vector by vector and group by group, what the messages
        bring.
        """
        run, packing = self.run, self.run.packing()
        scheme, groups = seal.scheme(packing.plain_bits), len(packing.groups)
        vectors = range(numbers.start // groups, -(-numbers.stop // groups))
        matrix = MatrixBlocks(run.params.layout, packing, run.blocks(), self.fetch)
        with seal.answerable(MalformedMessage):
            for block, ciphers in self._blocks(vectors, scheme, held):
                for group, coefficients in enumerate(matrix.polynomials(block)):
                    wanted = [
                        (vector * groups + group - numbers.start, cipher)
                        for vector, cipher in ciphers
                        if vector * groups + group in numbers
                    ]
                    if not wanted:
                        continue
                    counts = bool(coefficients.any())
                    if not counts:
                        # SEAL refuses to multiply by zero; the work is the same all the same.
                        coefficients[0] = 1
                    factor = scheme.factor(coefficients, held)
                    for at, cipher in wanted:
                        sums[at].add(scheme, scheme.product(cipher, factor), counts=counts)

    def _blocks(
        self, vectors: range, scheme: seal.Scheme, held: Memory
    ) -> Iterator[tuple[int, list[tuple[int, Any]]]]:
        """Yield each block that the messages have of these vectors, and its encryptions."""
        run, size = self.run, seal.ENCRYPTED_BYTES
        block, found = 0, list[tuple[int, Any]]()
        for index in self.messages:
            due = part(index, run.encryptions())
            mine = [n for n in due if n % run.params.layout.vectors in vectors]
            data = self.said(str(index)) if mine else b""
            if mine and len(data) != size * len(due):
                raise LocalError("a kept chunk has the wrong length")
            for number in mine:
                at = size * (number - due.start)
                here, vector = divmod(number, run.params.layout.vectors)
                if here != block and found:
                    yield block, found
                    found = []
                block = here
                found.append((vector, scheme.encrypted(data[at : at + size], held)))
        if found:
            yield block, found


def write(scheme: seal.Scheme, sums: list[Sum], held: Memory) -> bytes:
    """Return sums as they are kept."""
    return b"".join(
        _NOTHING if one.cipher is None else scheme.residues(one.cipher, held=held) for one in sums
    )


def read(scheme: seal.Scheme, data: bytes, count: int, held: Memory) -> list[Sum]:
    """Return sums that were kept. Raises: LocalError unless they are as many."""
    size = seal.CIPHER_BYTES
    if len(data) != size * count:
        raise LocalError("a kept chunk has the wrong length")
    each = (data[at : at + size] for at in range(0, len(data), size))
    return [
        Sum() if one == _NOTHING else Sum(scheme.cipher(one, ntt=True, held=held)) for one in each
    ]
