"""A witness may answer anything: the node gets an answer that it can judge, and nothing else."""

from hypothesis import example, given
from hypothesis import strategies as st

from consent.checkpoint import Cosigner
from party_node.ledger.asking import Said, ask
from tests.support.witness import GrowingLedger

WITNESS = Cosigner("witness.example/w1", b"\x05" * 32)
LEDGER = GrowingLedger().grow(6)
NOTE = LEDGER.note(6)
LINE = WITNESS.cosign(NOTE, 1_700_000_000)


class Hostile:
    """Answers the same to every question."""

    def __init__(self, status: int, body: str) -> None:
        self.answer = status, body

    def add_checkpoint(self, _request: bytes) -> tuple[int, str]:
        return self.answer

    def close(self) -> None:
        pass


def said(status: int, body: str, seen: int = 0) -> Said:
    answer = ask(
        Hostile(status, body),
        WITNESS.verifier,
        LEDGER.signer.verifier,
        NOTE,
        seen,
        LEDGER.tree.consistency_proof,
        lambda: 6,
    )
    assert (answer.said is Said.COSIGNED) == bool(answer.cosignatures)
    return answer.said


@given(status=st.integers(100, 999), body=st.text(max_size=200), seen=st.integers(0, 9))
@example(status=409, body="6\n", seen=0)
@example(status=409, body="0\n", seen=0)
@example(status=200, body="\n\n\n", seen=3)
def test_whatever_is_said_can_be_judged(status: int, body: str, seen: int) -> None:
    assert said(status, body, seen) is not Said.COSIGNED


@given(before=st.text(max_size=50), after=st.text(max_size=50))
def test_text_around_a_cosignature_changes_nothing_that_is_signed(before: str, after: str) -> None:
    assert said(200, LINE) is Said.COSIGNED
    if before or after:
        assert said(200, before + LINE + after) in (Said.COSIGNED, Said.NOT_UNDERSTOOD)


@given(place=st.integers(0, len(LINE) - 2), to=st.characters(codec="utf-8"))
def test_a_changed_cosignature_is_none(place: int, to: str) -> None:
    if LINE[place] != to:
        assert said(200, LINE[:place] + to + LINE[place + 1 :]) is Said.NOT_UNDERSTOOD
