"""Sketches: one bit for each person, one encoding, and nothing else is read."""

import math
from pathlib import Path

import cbor2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocols.codec import encode
from protocols.dp.reach import flipping
from protocols.dp.reach import sketch as sketches
from protocols.dp.reach.sketch import ReachSketch, Topic, buckets, read
from protocols.errors import InvalidParameter, MalformedMessage
from tests.support.seeded import digests, seeded

ROOT = Path(__file__).resolve().parents[4]
TOPIC = Topic("spring", "2026-11", "email", 1, 10)


def people(numbers: range | list[int]) -> np.ndarray:
    rows = b"".join(digests(numbers))
    return np.frombuffer(rows, np.uint8).reshape(-1, 32)


def make(numbers: range | list[int], epsilon: int = 1000, party: str = "paper") -> ReachSketch:
    return ReachSketch.make(party, TOPIC, epsilon, people(numbers), seeded("sketch"))


def ones(made: ReachSketch) -> set[int]:
    return set(np.flatnonzero(np.unpackbits(np.frombuffer(made.bits, np.uint8))).tolist())


@given(st.lists(st.integers(0, 500), max_size=40, unique=True), st.integers(501, 1000))
def test_one_person_more_changes_one_bit_at_most(others: list[int], one: int) -> None:
    # Under the same draw: so the guarantee for one bit is that of the sketch.
    changed = ones(make(others)) ^ ones(make([*others, one]))
    bucket = int(buckets(TOPIC, people([one]))[0])
    already = bucket in buckets(TOPIC, people(others)).tolist()
    assert changed == (set() if already else {bucket})


def test_who_looks_for_one_person_in_many_sketches_learns_no_more_than_epsilon() -> None:
    """The best attack of all: neighbours differ in one bit, so the attacker looks at that one."""
    runs, one = 3000, 77
    bucket = int(buckets(TOPIC, people([one]))[0])
    others = [n for n in range(100, 160) if buckets(TOPIC, people([n]))[0] != bucket]
    rng = seeded("audit")
    seen = [
        sum(
            bucket in ones(ReachSketch.make("paper", TOPIC, 1000, people(crowd), rng))
            for _ in range(runs)
        )
        for crowd in ([*others, one], others)
    ]
    within, without = (n / runs for n in seen)
    p = float(flipping.chance(1000))
    spread = 5 * math.sqrt(p * (1 - p) / runs)  # one false alarm in a million audits
    assert math.log((within - spread) / (without + spread)) <= 1
    assert math.log((1 - without - spread) / (1 - within + spread)) <= 1
    assert math.log((within + spread) / (without - spread)) >= 1


@given(st.permutations(range(12)))
def test_the_order_of_people_does_not_show(order: list[int]) -> None:
    assert make(order) == make(range(12))


def test_the_same_person_falls_into_the_same_bucket_at_all_who_name_the_same_topic() -> None:
    same = Topic("spring", "2026-11", "email", 1, 10)
    assert buckets(TOPIC, people(range(9))).tolist() == buckets(same, people(range(9))).tolist()
    others = [
        Topic("autumn", "2026-11", "email", 1, 10),
        Topic("spring", "2026-12", "email", 1, 10),
        Topic("spring", "2026-11", "phone", 1, 10),
        Topic("spring", "2026-11", "email", 2, 10),
    ]
    assert len({topic.salt() for topic in [TOPIC, *others]}) == 5


def test_buckets_are_pinned() -> None:
    assert buckets(TOPIC, people(range(4))).tolist() == [523, 468, 200, 34]


def test_buckets_are_even() -> None:
    counts = np.bincount(buckets(TOPIC, people(range(20_480))), minlength=1024)
    # Chi-squared with 1023 degrees: 1300 is six standard deviations up.
    assert np.sum((counts - 20) ** 2 / 20) < 1300
    assert counts.min() > 0


def test_a_sketch_of_nobody_is_noise_alone() -> None:
    made = make([])
    assert 0.269 - 0.1 < len(ones(made)) / 1024 < 0.269 + 0.1


def test_what_was_made_is_read_back() -> None:
    made = make(range(50))
    assert read(encode(made)) == made
    assert "bits" not in repr(made)


@pytest.mark.parametrize(
    "wrong",
    [
        ("Spring", "2026-11", "email", 1, 10),
        ("", "2026-11", "email", 1, 10),
        ("spring", "2026/11", "email", 1, 10),
        ("spring", "2026-11", "name", 1, 10),
        ("spring", "2026-11", "email", 0, 10),
        ("spring", "2026-11", "email", 101, 10),
        ("spring", "2026-11", "email", 1, 9),
        ("spring", "2026-11", "email", 1, 25),
    ],
)
def test_a_topic_out_of_range_is_refused(wrong: tuple[str, str, str, int, int]) -> None:
    with pytest.raises(InvalidParameter):
        Topic(*wrong)


@pytest.mark.parametrize("shape", [(4,), (4, 31), (2, 32, 1)])
def test_people_are_rows_of_32_bytes(shape: tuple[int, ...]) -> None:
    with pytest.raises(InvalidParameter):
        ReachSketch.make("paper", TOPIC, 1000, np.zeros(shape, np.uint8), seeded("x"))


def plain(**changes: object) -> bytes:
    fields = {
        "kind": "reach-sketch/1",
        "party": "paper",
        "topic": ["reach-topic/1", "spring", "2026-11", "email", 1, 10],
        "epsilon": 1000,
        "bits": bytes(128),
    } | changes
    return cbor2.dumps(list(fields.values()), canonical=True)


def test_the_plain_form_is_the_encoding() -> None:
    assert read(plain()).topic == TOPIC


@pytest.mark.parametrize(
    "hostile",
    [
        b"",
        plain()[:-1],
        plain() + b"\x00",
        plain(kind="reach-sketch/2"),
        plain(party="Paper\n"),
        plain(epsilon=0),
        plain(epsilon=10_001),
        plain(epsilon=1.0),
        plain(epsilon=True),
        plain(bits=bytes(127)),
        plain(bits=bytes(129)),
        plain(bits=b""),
        plain(topic=["reach-topic/1", "spring", "2026-11", "email", 1, 60]),
        plain(topic=["reach-topic/1", "spring", "2026-11", "email", 1, -1]),
        plain(topic=["reach-topic/1", "spring", "2026-11", "email", 1]),
        plain(topic=None),
        plain(more=1),
    ],
)
def test_hostile_bytes_are_refused(hostile: bytes) -> None:
    with pytest.raises(MalformedMessage):
        read(hostile)


def test_a_file_that_is_too_large_is_refused_before_it_is_decoded() -> None:
    with pytest.raises(MalformedMessage, match="more than a sketch may have"):
        read(bytes(sketches.MAX_SKETCH_BYTES + 1))


@given(st.binary(max_size=300))
def test_any_bytes_are_a_sketch_or_refused(data: bytes) -> None:
    try:
        made = read(data)
    except MalformedMessage:
        return
    assert encode(made) == data


def test_the_page_of_the_format_has_the_values_of_the_code() -> None:
    page = (ROOT / "docs/spec/reach-sketch.md").read_text(encoding="utf-8")
    assert f"the salt is `{TOPIC.salt().hex()}`" in page
    assert f"t is {flipping.threshold(1000):,} for epsilon 1" in page
    assert "fall into the buckets 523, 468, 200, 34" in page
    lines = page.split("```")[1].splitlines()[1:]
    shown = "".join(line[:39].split("…")[0].replace(" ", "") for line in lines)
    assert plain().hex().startswith(shown)


def test_the_prices_on_the_page_are_right() -> None:
    page = (ROOT / "docs/concepts/reach.md").read_text(encoding="utf-8")
    for epsilon in (500, 1000, 2000, 4000):
        turns = float(flipping.chance(epsilon)) * 100
        row = f"| {epsilon / 1000:g} | {turns:.1f} % | {flipping.price(epsilon)} |"
        assert row in page
