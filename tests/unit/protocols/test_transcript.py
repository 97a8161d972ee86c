import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocols.codec import decode, encode
from protocols.errors import InvalidParameter
from protocols.session import Role
from protocols.transcript import Transcript

CTX = bytes(range(32))
said = st.lists(st.tuples(st.sampled_from(Role), st.binary(max_size=8)), max_size=8)


def of(messages: list[tuple[Role, bytes]], ctx: bytes = CTX) -> Transcript:
    transcript = Transcript.start(ctx)
    for role, message in messages:
        transcript = transcript.add(role, message)
    return transcript


@given(said)
def test_how_the_directions_interleave_does_not_matter(messages):
    by_role = sorted(messages, key=lambda m: m[0])  # stable: keeps each direction's order
    assert of(messages) == of(by_role)
    assert of(messages).digest() == of(by_role).digest()


@given(said, said)
def test_other_messages_give_another_digest(left, right):
    same = all(
        [m for r, m in left if r is role] == [m for r, m in right if r is role] for role in Role
    )
    assert (of(left).digest() == of(right).digest()) == same


def test_runs_with_other_contexts_differ_from_the_start():
    assert of([]).digest() != of([], bytes(32)).digest()


def test_who_said_it_matters():
    assert of([(Role.INITIATOR, b"x")]).digest() != of([(Role.RESPONDER, b"x")]).digest()


def test_it_has_an_encoding():
    transcript = of([(Role.INITIATOR, b"x")])
    assert decode(Transcript, encode(transcript)) == transcript


def test_a_context_of_another_length_is_refused():
    with pytest.raises(InvalidParameter):
        Transcript.start(b"short")
