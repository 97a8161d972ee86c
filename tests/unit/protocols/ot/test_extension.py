import numpy as np
import pytest

from protocols.errors import InconsistentChoices
from protocols.ot import extension
from protocols.ot.aes import key_streams
from tests.support.seeded import seeded

SESSION = bytes(range(32))
SECRET = seeded("secret")(16)
ZEROS, ONES = seeded("zeros")(16 * 128), seeded("ones")(16 * 128)
BEHIND = seeded("behind")(16)


def keys_of(secret: bytes) -> bytes:
    """Return what the giver has: of each pair the key that its bit chose."""
    return b"".join(
        (ONES if secret[i // 8] >> i % 8 & 1 else ZEROS)[16 * i : 16 * i + 16] for i in range(128)
    )


def bits_of(n: int) -> "np.ndarray":
    return np.unpackbits(np.frombuffer(seeded("bits")(n), np.uint8))[:n]


def give(said: bytes, shown: bytes, count: int, *, index: int = 3) -> "np.ndarray":
    return extension.give(SESSION, index, keys_of(SECRET), SECRET, said, shown, count)


@pytest.mark.parametrize("count", [0, 1, 63, 64, 65, 1000])
def test_rows_differ_by_the_secret_exactly_where_the_choice_is_one(count):
    bits = bits_of(count)
    said, shown = extension.choose(SESSION, 3, (ZEROS, ONES), bits, BEHIND)
    assert len(said) == 128 * extension.column_bytes(count)
    mine = extension.chosen_rows(3, ZEROS, count)
    theirs = give(said, shown, count)
    assert mine.shape == theirs.shape == (count, 2)
    secret = np.frombuffer(SECRET, "<u8")
    assert np.array_equal(mine ^ theirs, secret * bits[:, None].astype(np.uint64))


def test_row_j_has_bit_j_of_every_column():
    streams = key_streams(ZEROS, (3).to_bytes(8, "big") + bytes(8), 2).view(np.uint8)
    bits = np.unpackbits(streams, axis=1, bitorder="little")[:, :100]
    rows = np.ascontiguousarray(extension.chosen_rows(3, ZEROS, 100)).view(np.uint8)
    assert np.array_equal(np.unpackbits(rows, axis=1, bitorder="little"), bits.T)


def test_no_two_messages_share_a_row():
    rows = [extension.chosen_rows(i, ZEROS, 200) for i in range(5)]
    assert len({row.tobytes() for part in rows for row in part}) == 1000


def test_parities_are_those_of_the_masked_bits_and_of_one_behind():
    columns = np.frombuffer(seeded("columns")(7 * 40), "<u8").reshape(7, 5).copy()
    masks = np.frombuffer(seeded("masks")(128 * 24), "<u8").reshape(128, 3)
    found = np.unpackbits(extension.parities(columns, masks).view(np.uint8), bitorder="little")
    for c, column in enumerate(columns.tolist()):
        behind = column[3] | column[4] << 64
        for k, mask in enumerate(masks.tolist()):
            masked = sum((a & b).bit_count() for a, b in zip(column[:3], mask, strict=True))
            assert found[128 * c + k] == (masked + (behind >> k)) % 2


# A chooser that deviates


@pytest.mark.parametrize("place", [0, 5, 999])
def test_another_choice_in_half_of_the_columns_is_refused(place):
    """Choices that differ by column would show the giver's secret bits one by one."""
    said, shown = extension.choose(SESSION, 3, (ZEROS, ONES), bits_of(1000), BEHIND)
    columns = bytearray(said)
    for column in range(0, 128, 2):
        columns[column * extension.column_bytes(1000) + place // 8] ^= 1 << place % 8
    with pytest.raises(InconsistentChoices):
        give(bytes(columns), shown, 1000)


def test_columns_that_differ_pass_only_with_the_guess_of_the_secret_bit():
    """What the check cannot prevent: one guess, at a risk of a half of being found out."""
    count, size = 100, extension.column_bytes(100)
    outcomes = set()
    for column in range(16):
        said, _ = extension.choose(SESSION, 3, (ZEROS, ONES), bits_of(count), BEHIND)
        changed = bytearray(said)
        changed[column * size] ^= 1
        # Parities as they must be if the bit of this column is 0: then nobody looks at the change.
        nonce = (3).to_bytes(8, "big") + bytes(8)
        mine = key_streams(ZEROS, nonce, size // 8)
        theirs = key_streams(ONES, nonce, size // 8)
        words = np.frombuffer(said, "<u8").reshape(128, -1)
        choices = words[127] ^ mine[127] ^ theirs[127]
        masks = extension._masks(SESSION, 3, bytes(changed), size // 8 - 2)
        shown = extension.parities(np.concatenate([choices[None], mine]), masks).tobytes()
        bit = SECRET[column // 8] >> column % 8 & 1
        outcomes.add(bit)
        if bit:
            with pytest.raises(InconsistentChoices):
                give(bytes(changed), shown, count)
        else:
            assert give(bytes(changed), shown, count).shape == (count, 2)
    assert outcomes == {0, 1}


@pytest.mark.parametrize("at", [0, 8, 16, 16 * 129 - 1])
def test_other_parities_are_refused(at):
    said, shown = extension.choose(SESSION, 3, (ZEROS, ONES), bits_of(70), BEHIND)
    with pytest.raises(InconsistentChoices):
        give(said, shown[:at] + bytes([shown[at] ^ 1]) + shown[at + 1 :], 70)


def test_choices_of_another_message_or_session_are_refused():
    said, shown = extension.choose(SESSION, 3, (ZEROS, ONES), bits_of(70), BEHIND)
    with pytest.raises(InconsistentChoices):
        give(said, shown, 70, index=4)
    with pytest.raises(InconsistentChoices):
        extension.give(bytes(32), 3, keys_of(SECRET), SECRET, said, shown, 70)


def test_the_parities_of_the_choices_are_hidden_by_the_bits_behind():
    """With other random bits behind, the same choices have parities that look like others."""
    seen = [
        extension.choose(SESSION, 3, (ZEROS, ONES), bits_of(70), seeded(str(i))(16))
        for i in range(20)
    ]
    assert len({shown[:16] for _, shown in seen}) == 20
