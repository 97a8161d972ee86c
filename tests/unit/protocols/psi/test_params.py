import dataclasses

import pytest

from protocols.codec import decode, encode
from protocols.errors import InvalidParameter, ProtocolError
from protocols.psi.params import (
    LARGEST_CHUNK,
    LARGEST_ROW,
    LARGEST_SET,
    OtParams,
    PsiParams,
    RowParams,
)


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


OT_RANGES = {
    "max_items": (0, LARGEST_SET + 1),
    "chunk_items": (0, LARGEST_CHUNK + 1),
    "tag_bytes": (9, 17),
    "chunk_rows": (0, 4095, 4097, 65_537, 69_632),
    "bucket_items": (15, 2**22 + 1),
    "label_bytes": (-1, 17),
}


@pytest.mark.parametrize(
    ("name", "value"), [(name, value) for name, values in OT_RANGES.items() for value in values]
)
def test_values_of_ot_out_of_range_are_refused_also_when_they_are_read(name, value):
    good = OtParams(1000)
    with pytest.raises(InvalidParameter):
        dataclasses.replace(good, **{name: value})
    object.__setattr__(good, name, value)
    with pytest.raises(ProtocolError):
        decode(OtParams, encode(good))


def test_there_are_at_most_2_to_the_16_buckets():
    assert OtParams(2**16 * 16, bucket_items=16).bucket_items == 16
    with pytest.raises(InvalidParameter):
        OtParams(2**16 * 16 + 1, bucket_items=16)


@pytest.mark.parametrize("kind", [PsiParams, OtParams])
def test_what_a_node_proposes_becomes_fit_for_small_sets(kind):
    proposed = kind.for_job()
    assert proposed.max_items == 2**24
    assert proposed.smallest_chunk() >= 4096
    assert proposed.strictly().hides_in_small_sets()
    assert proposed.strictly().strictly() == proposed.strictly()


def test_only_hashing_to_the_twist_shows_something_in_small_sets():
    assert not PsiParams.for_job().hides_in_small_sets()
    assert OtParams.for_job().hides_in_small_sets()


def test_the_smallest_chunk_is_of_items_rows_or_buckets():
    assert PsiParams(10, 7).smallest_chunk() == 7
    assert OtParams(10, 7, 12, 4096, 2**16).smallest_chunk() == 7
    # A bucket is several messages in each direction.
    assert OtParams(10, 5000, 12, 4096, 2**16 - 16).smallest_chunk() == 4095
    assert OtParams(10, 5000, 12, 4096).smallest_chunk() == 4096
