"""The coordinator's part of a training: its states, its patience, and going on after a stop."""

import pytest

from coordinator.federated.training import Patience, States, train
from protocols.codec import decode, encode
from protocols.errors import ContextMismatch, MalformedMessage
from protocols.federated import records
from protocols.federated.aggregator import Aggregator, Stage
from protocols.federated.errors import TooFewPartners, TrainingOutdated
from tests.support.federation import federation, run_of, terms_of


class Line:
    """Brings questions to the members of a federation; `away` are not there."""

    def __init__(self, played, away=()):
        self.played, self.away, self.waited = played, set(away), []

    def ask(self, questions, seconds, away_seconds):
        self.waited.append((seconds, away_seconds))
        return {
            party: self.played.members[party].answer(
                decode(records.QUESTIONS, question), self.played.run
            )
            for party, question in questions.items()
            if party not in self.away
        }


@pytest.fixture
def played():
    return federation(terms_of(3))


@pytest.fixture
def states(tmp_path):
    return States(tmp_path / "states")


def test_a_training_ends_with_the_model_of_the_rounds(played, states):
    model = train(played.run, Line(played), states, Patience())
    assert model == federation(terms_of(3)).play()


def test_updates_are_waited_for_longer(played, states):
    line = Line(played)
    train(played.run, line, states, Patience(1, 9, 3))
    assert line.waited == [(s, 3) for s in (1, 1, 9, 1, 1, 9, 1, 1, 1)]


@pytest.mark.parametrize("stop", range(9))
def test_a_training_that_was_stopped_anywhere_goes_on_and_nobody_learns_twice(played, states, stop):
    steps = []

    def told(stage, turn):
        steps.append((stage, turn))
        if len(steps) == stop + 1:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train(played.run, Line(played), states, Patience(), told)
    model = train(played.run, Line(played), states, Patience())
    assert model == federation(terms_of(3)).play()
    assert [m.learnt for m in played.members.values()] == [[0, 1]] * 3


def test_too_few_partners_stop_it_and_it_goes_on_when_they_are_back(played, states):
    with pytest.raises(TooFewPartners):
        train(played.run, Line(played, away=("ada", "ben")), states, Patience())
    assert train(played.run, Line(played), states, Patience()).absences == ()


def test_an_ended_training_is_not_run_again(played, states):
    model = train(played.run, Line(played), states, Patience())
    line = Line(played)
    assert train(played.run, line, states, Patience()) == model
    assert line.waited == []


def test_other_terms_do_not_go_on_with_a_begun_training(played, states):
    with pytest.raises(TooFewPartners):
        train(played.run, Line(played, away=("ada", "ben")), states, Patience())
    states.save(played.run.terms.job, played.until(Stage.UPDATE))
    with pytest.raises(ContextMismatch):
        train(run_of(terms_of(3, ridge_milli=11)), Line(played), states, Patience())


def test_a_damaged_state_is_named(states, played):
    job = played.run.terms.job
    states.save(job, played.aggregator())
    path = next(states.folder.iterdir())
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(MalformedMessage):
        states.load(job)


def test_a_state_whose_rounds_added_up_other_sums_is_refused(states, played):
    """As one is that an earlier version of Accord left in the middle of a round."""
    job = played.run.terms.job
    states.save(job, played.until(Stage.OPENING))
    path = next(states.folder.iterdir())
    here, earlier = b"federated-aggregator/2", b"federated-aggregator/1"
    assert here in path.read_bytes()
    path.write_bytes(path.read_bytes().replace(here, earlier))
    with pytest.raises(TrainingOutdated):
        train(played.run, Line(played), states, Patience())


def test_a_state_crosses_its_file(states, played):
    state = played.until(Stage.OPENING)
    states.save(played.run.terms.job, state)
    assert states.load(played.run.terms.job) == state
    assert decode(Aggregator, encode(state)) == state
    assert states.load("ff" * 16) is None
