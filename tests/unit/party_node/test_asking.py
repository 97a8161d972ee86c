"""One witness, one checkpoint: what its answer comes to, whatever it is."""

import base64

import pytest

from consent.checkpoint import Cosigner, LogSigner
from consent.note import KeyType
from consent.witness import parse_add_checkpoint
from party_node.ledger.asking import ALARMS, SENTENCES, NoAnswer, Said, ask
from tests.support.witness import GrowingLedger

WITNESS = Cosigner("witness.example/w1", b"\x05" * 32)
LEDGER = GrowingLedger().grow(9)
NOTE = LEDGER.note(6)


class Scripted:
    """A witness that says what a test wants, and keeps what it was asked."""

    def __init__(self, *answers):
        self.answers, self.asked = list(answers), []

    def add_checkpoint(self, request):
        self.asked.append(parse_add_checkpoint(request))
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    def close(self):
        pass


def shown(*answers, seen=0, size_now=6, witness=WITNESS):
    endpoint = Scripted(*answers)
    answer = ask(
        endpoint,
        witness.verifier,
        LEDGER.signer.verifier,
        NOTE,
        seen,
        LEDGER.tree.consistency_proof,
        lambda: size_now,
    )
    return answer, endpoint.asked


def line(witness=WITNESS, note=NOTE, seconds=1_700_000_000):
    return witness.cosign(note, seconds)


def test_a_cosignature_is_taken_out_of_the_answer():
    answer, asked = shown((200, line()))
    assert (answer.said, answer.seen) == (Said.COSIGNED, 6)
    (cosignature,) = answer.cosignatures
    assert (cosignature.verifier, cosignature.seconds) == (WITNESS.verifier, 1_700_000_000)
    assert [(a.old_size, a.proof, a.note) for a in asked] == [(0, (), NOTE)]


def test_an_ml_dsa_cosignature_is_taken_too():
    witness = Cosigner("witness.example/w1", b"\x05" * 32, KeyType.MLDSA44_COSIGNATURE)
    answer, _ = shown((200, line(witness)), witness=witness)
    assert answer.cosignatures[0].verifier == witness.verifier


def test_lines_of_unknown_keys_are_ignored():
    stranger = Cosigner("witness.example/w2", b"\x06" * 32)
    answer, _ = shown((200, line(stranger) + line()))
    assert [c.verifier for c in answer.cosignatures] == [WITNESS.verifier]


def test_the_proof_starts_at_what_the_witness_has_seen():
    answer, asked = shown((200, line()), seen=4)
    assert answer.said is Said.COSIGNED
    assert asked[0].old_size == 4
    assert asked[0].proof == LEDGER.tree.consistency_proof(4, 6)


def test_a_witness_that_has_seen_another_size_is_asked_again_from_there():
    answer, asked = shown((409, "5\n"), (200, line()), seen=2)
    assert answer.said is Said.COSIGNED
    assert [a.old_size for a in asked] == [2, 5]


def test_what_is_remembered_wrongly_is_asked_for():
    _, asked = shown((409, "3\n"), (200, line()), seen=8)
    assert [a.old_size for a in asked] == [0, 3]


def test_a_witness_that_has_seen_more_than_there_is_is_ahead():
    answer, _ = shown((409, "7\n"))
    assert (answer.said, answer.seen) == (Said.AHEAD, 7)
    assert answer.said in ALARMS


def test_a_witness_that_has_seen_a_newer_checkpoint_of_ours_is_not_ahead():
    """The answer came late: the ledger has grown and been shown again meanwhile."""
    answer, _ = shown((409, "7\n"), size_now=7)
    assert (answer.said, answer.seen) == (Said.NOT_YET, 7)


@pytest.mark.parametrize(
    ("status", "said"),
    [
        (422, Said.REFUSED),
        (404, Said.UNKNOWN_LEDGER),
        (403, Said.WRONG_KEY),
        (400, Said.NOT_UNDERSTOOD),
        (413, Said.NOT_UNDERSTOOD),
        (201, Said.NOT_UNDERSTOOD),
        (204, Said.NOT_UNDERSTOOD),
        (307, Said.NOT_UNDERSTOOD),
        (499, Said.NOT_UNDERSTOOD),
        (500, Said.NO_ANSWER),
        (503, Said.NO_ANSWER),
        (999, Said.NO_ANSWER),
    ],
)
def test_every_other_status_has_its_meaning(status, said):
    answer, asked = shown((status, "so it is\n\x1b[31m" + "x" * 5000))
    assert answer.said is said
    assert answer.cosignatures == ()
    assert "\x1b" not in answer.detail
    assert len(answer.detail) < 250
    assert len(asked) == 1


OTHER = LEDGER.note(5)
UNUSABLE = {
    "nothing": "",
    "a page": "<html>\n",
    "two texts": f"\nforged\n5\nAAAA\n\n{line()}",
    "of another checkpoint": line(note=OTHER),
    "of another key": line(Cosigner("witness.example/w1", b"\x06" * 32)),
    "of the ledger itself": NOTE.rpartition("\n\n")[2],
    "by a log's key of that name": LogSigner("witness.example/w1", b"\x05" * 32)
    .sign(6, bytes(32))
    .rpartition("\n\n")[2],
    "too many": line() * 65,
    "cut off": line()[:-20],
    "without its newline": line()[:-1],
}


@pytest.mark.parametrize("body", UNUSABLE.values(), ids=UNUSABLE)
def test_an_answer_without_the_witnesss_own_cosignature_is_not_understood(body):
    answer, _ = shown((200, body))
    assert (answer.said, answer.cosignatures) == (Said.NOT_UNDERSTOOD, ())


def test_a_signature_that_is_wrong_spoils_the_answer():
    dash, _, encoded = line().rpartition(" ")
    blob = bytearray(base64.b64decode(encoded))
    blob[-1] ^= 1
    answer, _ = shown((200, f"{dash} {base64.b64encode(blob).decode()}\n"))
    assert (answer.said, answer.cosignatures) == (Said.NOT_UNDERSTOOD, ())
    assert "bad-signature" in answer.detail


@pytest.mark.parametrize("body", ["", "x\n", "-1\n", "07\n", "5\n5\n", "9" * 30 + "\n"])
def test_a_conflict_without_a_size_is_not_understood(body):
    assert shown((409, body))[0].said is Said.NOT_UNDERSTOOD


def test_a_witness_that_keeps_changing_its_mind_is_left():
    answer, asked = shown((409, "3\n"), (409, "4\n"), (409, "3\n"))
    assert answer.said is Said.NOT_UNDERSTOOD
    assert len(asked) == 3


def test_silence_is_an_answer_too():
    answer, _ = shown(NoAnswer("no connection"))
    assert (answer.said, answer.detail) == (Said.NO_ANSWER, "no connection")


def test_there_is_a_sentence_for_everything_that_can_be_said():
    assert set(SENTENCES) == set(Said)
