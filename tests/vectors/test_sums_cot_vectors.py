"""Pinned runs: the wire format of a protocol's name never changes.

`test_the_vectors_follow_from_the_specification` is a second implementation, column by column and
bit by bit, of what `docs/spec/sums-cot.md` says.
"""

import hashlib
import json

import cbor2
import pytest
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from nacl import bindings

from tests.support.sums_cot_vectors import FILES, computed, pinned

scalar_from = bindings.crypto_core_ed25519_scalar_reduce
times_base = bindings.crypto_scalarmult_ed25519_base_noclamp
times = bindings.crypto_scalarmult_ed25519_noclamp

PIECE = 508


@pytest.mark.parametrize("name", sorted(FILES))
def test_runs_give_the_pinned_messages(name):
    assert computed(name) == json.loads(FILES[name].read_text())


def sha(*parts: bytes) -> bytes:
    return hashlib.sha256(b"".join(parts)).digest()


def xor(a: bytes, b: bytes) -> bytes:
    return bytes(x ^ y for x, y in zip(a, b, strict=True))


def stream(key: bytes, first: bytes, size: int) -> bytes:
    return Cipher(algorithms.AES(key), modes.CTR(first)).encryptor().update(bytes(size))


def little(data: bytes) -> int:
    return int.from_bytes(data, "little")


def draw(run: dict, role: str, number: int, size: int) -> bytes:
    seed = f"{run['title']}/{role}".encode() + b"\x00" + number.to_bytes(8, "big")
    return hashlib.shake_256(seed).digest(size)


def bits_of(data: bytes) -> list[int]:
    return [byte >> i & 1 for byte in data for i in range(8)]


class Way:
    """How columns are sent, and where they lie in blocks."""

    def __init__(self, run: dict, narrow: bool) -> None:
        rows = len(run["vector_rows"])
        spans = [(b, 2 * b) for b in run["dense"]] + [(0, 1)] * sum(run["one_hot"])
        self.lows = [-low * run["vector_bound"] * rows for low, _ in spans]
        self.ways = []
        for _, span in spans:
            needed = span * run["vector_bound"] * rows
            total = max(1, -(-needed.bit_length() // 8))
            best = (total * PIECE, total, 0)
            for width in range(1, total) if narrow else ():
                group = min(PIECE, (2 ** (8 * width - 1) - 1) // span)
                if group:
                    cost = width * PIECE + (16 + total - width) * -(-PIECE // group)
                    best = min(best, (cost, width, group), key=lambda way: way[0])
            self.ways.append((best[1], total, best[2]))
        self.offsets = [
            low if way[2] else 0 for (low, _), way in zip(spans, self.ways, strict=True)
        ]
        self.segments = [
            (*way, [c for c, of in enumerate(self.ways) if of == way])
            for way in sorted(set(self.ways))
        ]
        self.bytes = sum(way[0] for way in self.ways)

    def groups(self, rows: int) -> int:
        return sum(-(-rows // m) * len(columns) for _, _, m, columns in self.segments if m)


def matrix_of(run: dict) -> list[list[int]]:
    """Return the rows of the matrix, one-hot columns written out."""
    rows = []
    for dense, codes in zip(run["dense_rows"], run["code_rows"], strict=True):
        hot = [
            int(code == i)
            for size, code in zip(run["one_hot"], codes, strict=True)
            for i in range(size)
        ]
        rows.append([*dense, *hot])
    return rows


class Played:
    """All messages of a run, from the draws of both sides."""

    def __init__(self, run: dict, narrow: bool) -> None:
        self.run, self.narrow, self.way = run, narrow, Way(run, narrow)
        self.ctx = bytes.fromhex(run["ctx"])
        self.digits = run["vector_bound"].bit_length()
        self.planes = run["vectors"] * self.digits
        self.said: list[list] = []
        self.answered: list[list] = []
        self.shares = [[[0] * len(self.way.ways) for _ in range(run["vectors"])] for _ in range(2)]
        self.open()
        parts = [self.stretch(i, *part) for i, part in enumerate(self.stretches())]
        if any(way[2] for way in self.way.ways):
            for i, part in enumerate(parts):
                self.carry(i, *part)
        giver = 1 if run["to_holder"] else 0
        given = b"".join(
            (share % 256**total).to_bytes(total, "little")
            for row in self.shares[giver]
            for share, (_, total, _) in zip(row, self.way.ways, strict=True)
        )
        (self.said, self.answered)[giver].append(["sums-cot-shares/1", given])

    def open(self) -> None:
        run = self.run
        label = "narrow-opening" if self.narrow else "opening"
        layout = ["sum-layout/1", run["vectors"], run["vector_bound"], run["dense"]]
        layout += [run["one_hot"], run["max_rows"], run["chunk_rows"]]
        params = ["sum-params/1", layout, run["to_holder"], [0] * len(self.way.ways)]
        encoded = cbor2.dumps(params, canonical=True)

        def check(role: bytes) -> bytes:
            return sha(f"accord/sums-cot-{label}/1\x00".encode(), role, self.ctx, encoded)

        scalar = scalar_from(draw(run, "initiator", 0, 64))
        given = times_base(scalar)
        self.secret = draw(run, "responder", 0, 16)
        seeds = draw(run, "responder", 1, 64 * 128)
        points, self.zeros, self.ones = [], [], []
        for c, bit in enumerate(bits_of(self.secret)):
            point = times_base(scalar_from(seeds[64 * c : 64 * c + 64]))
            if bit:
                point = bindings.crypto_core_ed25519_add(point, given)
            points.append(point)
            once = times(scalar, point)
            other = bindings.crypto_core_ed25519_sub(once, times(scalar, given))
            for keys, shared in ((self.zeros, once), (self.ones, other)):
                index = c.to_bytes(4, "big")
                hashed = sha(b"accord/base-ot/1\x00", self.ctx, index, given, point, shared)
                keys.append(hashed[:16])
        rows = len(run["vector_rows"])
        self.said.append(["sums-cot-opening/1", check(b"initiator"), rows, given])
        self.answered.append(["sums-cot-opening/1", check(b"responder"), rows, b"".join(points)])
        self.session = sha(b"accord/sums-cot-session/1\x00", self.ctx, given, *points)

    def key(self, purpose: str, *numbers: int, salt: bytes = b"") -> bytes:
        said = b"".join(n.to_bytes(8, "big") for n in numbers)
        return sha(b"accord/ot-key/1\x00", self.session, purpose.encode(), b"\x00", said, salt)[:16]

    def stretches(self) -> list[tuple[int, int]]:
        """Return the first row of each stretch, and the row after its last."""
        choices = 16 * (PIECE + self.way.groups(PIECE))
        longest = self.planes * max(-(-choices // PIECE), self.way.bytes)
        fit = 2**22 // longest
        fit = fit // PIECE * PIECE if fit >= PIECE else fit
        step, count = self.run["chunk_rows"], len(self.run["vector_rows"])
        return [
            (low, min(low + fit, start + step, count))
            for start in range(0, count, step)
            for low in range(start, min(start + step, count), min(fit, step))
        ]

    def stretch(self, index: int, low: int, high: int) -> tuple:
        digits = [
            entry >> k & 1
            for row in self.run["vector_rows"][low:high]
            for entry in row
            for k in range(self.digits)
        ]
        sizes = [min(PIECE, high - at) for at in range(low, high, PIECE)]
        groups = self.planes * sum(map(self.way.groups, sizes))
        guesses: list[int] = []
        if self.narrow:
            seed = draw(self.run, "initiator", 1, 16)
            first = index.to_bytes(8, "big") + bytes(8)
            guesses = bits_of(stream(seed, first, groups))[:groups]
        rows = self.extend(index, digits + guesses)
        tops = self.products(index, low, sizes, digits, rows)
        return digits, guesses, rows[len(digits) :], tops, sizes

    def extend(self, index: int, bits: list[int]) -> list[tuple[bytes, bytes]]:
        """Say the choices; return for each transfer the rows t and q."""
        words = -(-len(bits) // 64)
        number = (2 if self.narrow else 1) + index
        behind = draw(self.run, "initiator", number, 16)
        choices = sum(bit << i for i, bit in enumerate(bits)) | little(behind) << 64 * words
        size, first = 8 * words + 16, index.to_bytes(8, "big") + bytes(8)
        mine = [little(stream(key, first, size)) for key in self.zeros]
        theirs = [little(stream(key, first, size)) for key in self.ones]
        said = [t ^ u ^ choices for t, u in zip(mine, theirs, strict=True)]
        columns = b"".join(column.to_bytes(size, "little") for column in said)
        key = self.key("masks", index, salt=sha(columns))
        masks = stream(key, bytes(16), 128 * 8 * words)
        mask = [little(masks[8 * words * k : 8 * words * (k + 1)]) for k in range(128)]

        def parities(column: int) -> bytes:
            found = column >> 64 * words
            for k in range(128):
                found ^= ((column & mask[k]).bit_count() & 1) << k
            return found.to_bytes(16, "little")

        shown = b"".join(map(parities, [choices, *mine]))
        self.said.append(["sums-cot-choices/1", index, columns, shown])
        secret = little(self.secret)
        rows = []
        for j, bit in enumerate(bits):
            t = sum((column >> j & 1) << c for c, column in enumerate(mine))
            q = t ^ (secret if bit else 0)
            rows.append((t.to_bytes(16, "little"), q.to_bytes(16, "little")))
        return rows

    def products(self, index, low, sizes, digits, rows) -> list[tuple[int, ...]]:
        """Say the products; add up both shares; return both top bits of each group."""
        matrix, pieces, tops = matrix_of(self.run), [], []
        for piece, size in enumerate(sizes):
            for plane in range(self.planes):
                key = self.key("pads", index, piece, plane)
                at = [(PIECE * piece + j) * self.planes + plane for j in range(size)]
                pads = [[self.pad(key, row, j) for row in rows[i]] for j, i in enumerate(at)]
                other = [self.pad(key, xor(rows[i][1], self.secret), j) for j, i in enumerate(at)]
                first = 0
                for width, _, group, columns in self.way.segments:
                    lane = 1 << (width - 1).bit_length()
                    entries, mine, theirs = [], [], []
                    for j, i in enumerate(at):
                        place = [16 * first + lane * k for k in range(len(columns))]
                        zero, one, own = (
                            [little(pad[p : p + lane]) for p in place]
                            for pad in (pads[j][1], other[j], pads[j][0])
                        )
                        x = [
                            matrix[low + PIECE * piece + j][c] + self.way.offsets[c]
                            for c in columns
                        ]
                        sent = [
                            (a + b - c) % 256**lane for a, b, c in zip(zero, x, one, strict=True)
                        ]
                        entries.append([s.to_bytes(lane, "little") for s in sent])
                        chosen = digits[i]
                        mine.append([p + chosen * s for p, s in zip(own, sent, strict=True)])
                        theirs.append([-z for z in zero])
                    pieces.append(self.laid_out(entries, width, lane))
                    tops += self.share(plane, columns, width, group, mine, theirs)
                    surplus = sum(digits[i] for i in at)
                    vector, digit = divmod(plane, self.digits)
                    for c in columns:
                        self.shares[0][vector][c] -= self.way.offsets[c] * surplus << digit
                    first += -(-len(columns) * lane // 16)
        self.answered.append(["sums-cot-products/1", index, b"".join(pieces)])
        return tops

    def pad(self, key: bytes, row: bytes, j: int) -> bytes:
        ecb = Cipher(algorithms.AES(key), modes.ECB()).encryptor()
        once = ecb.update(row)
        blocks = sum(
            -(-len(columns) * (1 << (width - 1).bit_length()) // 16)
            for width, _, _, columns in self.way.segments
        )
        tweaks = (j.to_bytes(8, "little") + g.to_bytes(8, "little") for g in range(blocks))
        return b"".join(xor(ecb.update(xor(once, tweak)), once) for tweak in tweaks)

    @staticmethod
    def laid_out(entries: list[list[bytes]], width: int, lane: int) -> bytes:
        each, columns = 16 // lane, len(entries[0])
        full = columns // each
        said, at = [], 0
        for part in (8, 4, 2, 1):
            if not width & part:
                continue
            for block in range(-(-columns // each)):
                end = each * (block + 1) if block < full else columns
                for row in entries:
                    said += [entry[at : at + part] for entry in row[each * block : end]]
            at += part
        return b"".join(said)

    def share(self, plane, columns, width, group, mine, theirs) -> list[tuple[int, ...]]:
        """Add the shares of a piece; return plane, column, bytes and top bits of each group."""
        vector, digit = divmod(plane, self.digits)
        tops = []
        step = group or len(mine)
        for low in range(0, len(mine), step):
            for k, c in enumerate(columns):
                top = []
                for side, rows in enumerate((mine, theirs)):
                    total = sum(row[k] for row in rows[low : low + step])
                    if group:
                        total %= 256**width
                        top.append(total >> 8 * width - 1)
                        total -= top[-1] << 8 * width
                    self.shares[side][vector][c] += total << digit
                if group:
                    tops.append((plane, c, width, *top))
        return tops

    def carry(self, index, digits, guesses, rows, tops, sizes) -> None:
        """Say the carries of a stretch, and what answers them."""
        key, answers = self.key("carries", index), []
        hidden = [top[3] ^ guess for top, guess in zip(tops, guesses, strict=True)]
        packed = sum(bit << i for i, bit in enumerate(hidden))
        size = -(-len(hidden) // 8)
        self.said.append(["sums-cot-carries/1", index, packed.to_bytes(size, "little")])
        ecb = Cipher(algorithms.AES(key), modes.ECB()).encryptor()

        def pad(row: bytes, j: int) -> int:
            once = ecb.update(row)
            block = xor(ecb.update(xor(once, j.to_bytes(8, "little") + bytes(8))), once)
            return little(block[:8])

        for j, (plane, c, width, alpha, beta) in enumerate(tops):
            t, q = rows[j]
            pads = [pad(q, j), pad(xor(q, self.secret), j)]
            if hidden[j]:
                pads.reverse()
            product = (pads[0] + beta - pads[1]) % 2**64
            need = self.way.ways[c][1] - width
            said = product % 256**need
            answers.append(said.to_bytes(need, "little"))
            vector, digit = divmod(plane, self.digits)
            weight = 8 * width + digit
            self.shares[0][vector][c] += pad(t, j) + alpha * said << weight
            self.shares[1][vector][c] -= pads[0] << weight
        self.answered.append(["sums-cot-carry-products/1", index, b"".join(answers)])


@pytest.mark.parametrize("name", sorted(FILES))
def test_the_vectors_follow_from_the_specification(name):
    for run in json.loads(FILES[name].read_text())["runs"]:
        played = Played(run, narrow="narrow" in name)
        for messages, wanted in (
            (played.said, run["initiator_messages"]),
            (played.answered, run["responder_messages"]),
        ):
            assert [pinned(cbor2.dumps(m, canonical=True)) for m in messages] == wanted
        matrix, vectors = matrix_of(run), range(run["vectors"])
        assert run["sums"] == [
            sum(y[v] * x[c] for y, x in zip(run["vector_rows"], matrix, strict=True))
            for v in vectors
            for c in range(len(run["dense"]) + sum(run["one_hot"]))
        ]
        for v in vectors:
            for c, (low, (_, total, _)) in enumerate(
                zip(played.way.lows, played.way.ways, strict=True)
            ):
                both = played.shares[0][v][c] + played.shares[1][v][c]
                at = v * len(played.way.ways) + c
                assert (both - low) % 256**total + low == run["sums"][at]
