import pytest

from protocols.codec import decode, encode
from protocols.errors import InvalidParameter, ProtocolError
from protocols.psi.params import LARGEST_CHUNK, LARGEST_ROW, LARGEST_SET, PsiParams, RowParams


@pytest.mark.parametrize(
    "values",
    [
        (0, 1, 12),
        (LARGEST_SET + 1, 1, 12),
        (-1, 1, 12),
        (10, 0, 12),
        (10, LARGEST_CHUNK + 1, 12),
        (10, 1, 9),
        (10, 1, 17),
    ],
)
def test_values_out_of_range_are_refused_also_when_they_are_read(values):
    with pytest.raises(InvalidParameter):
        PsiParams(*values, True)
    good = PsiParams(10, 1, 12, True)
    for name, value in zip(("max_items", "chunk_items", "tag_bytes"), values, strict=True):
        object.__setattr__(good, name, value)
    with pytest.raises(ProtocolError):
        decode(PsiParams, encode(good))


def test_small_sets_are_strict():
    assert PsiParams.for_sizes(9_999, 1_000_000) == PsiParams(1_000_000, 65_536, 12, strict=True)
    assert PsiParams.for_sizes(10_000, 1_000_000) == PsiParams(1_000_000, 65_536, 12, strict=False)
    assert PsiParams.for_sizes(0, 0).max_items == 1


def test_strict_is_the_default():
    assert PsiParams(5).strict


@pytest.mark.parametrize("per_person", [0, -1, LARGEST_ROW + 1])
def test_rows_out_of_range_are_refused_also_when_they_are_read(per_person):
    with pytest.raises(InvalidParameter):
        RowParams(100, per_person=per_person)
    good = RowParams(100)
    object.__setattr__(good, "per_person", per_person)
    with pytest.raises(ProtocolError):
        decode(RowParams, encode(good))


def test_a_side_has_room_for_one_person():
    assert RowParams(3, per_person=3).per_person == 3
    with pytest.raises(InvalidParameter):
        RowParams(2, per_person=3)


def test_rows_are_another_record():
    with pytest.raises(ProtocolError):
        decode(PsiParams, encode(RowParams(100)))
    with pytest.raises(ProtocolError):
        decode(RowParams, encode(PsiParams(100)))
