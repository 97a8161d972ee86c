"""Three verdicts from what measures have lost."""

from hypothesis import given
from hypothesis import strategies as st

from protocols.verdict import Loss, Verdict, verdict


def of(*losses: tuple[float, float, float]) -> Verdict:
    return verdict([Loss(*loss) for loss in losses])


def test_a_loss_beyond_chance_is_worse() -> None:
    assert of((0.1, 0.05, 0.3)) is Verdict.WORSE, "two standard errors"
    assert of((0.08, 0.05, 0.3)) is not Verdict.WORSE, "1.6"


def test_of_several_measures_one_must_say_more() -> None:
    assert of((0.1, 0.05, 0.3), (0.0, 0.05, 0.3)) is Verdict.WORSE, "2 against 1.96"
    assert of((0.1, 0.05, 0.3), *[(0.0, 0.05, 0.3)] * 2) is not Verdict.WORSE, "2 against 2.13"


def test_as_good_rules_out_that_half_of_the_gain_is_lost() -> None:
    assert of((0.0, 0.05, 0.2)) is Verdict.AS_GOOD, "2 standard errors to half of it"
    assert of((0.0, 0.07, 0.2)) is Verdict.UNKNOWN, "1.4"
    assert of((0.05, 0.05, 0.2)) is Verdict.UNKNOWN
    assert of((-0.05, 0.05, 0.1)) is Verdict.AS_GOOD


def test_by_the_measure_that_has_most_to_lose_in_its_errors() -> None:
    coarse = (-0.5, 0.5, 0.4)
    assert of((0.0, 0.05, 0.2), coarse) is Verdict.AS_GOOD
    assert of((0.07, 0.05, 0.2), coarse) is Verdict.UNKNOWN, "the coarse one is not asked"


def test_nothing_can_be_told_of_nothing_and_of_a_model_that_was_never_better_than_chance() -> None:
    assert of() is Verdict.UNKNOWN
    assert of((0.0, 0.001, 0.0)) is Verdict.UNKNOWN
    assert of((0.0, 0.001, -0.1)) is Verdict.UNKNOWN


LOSSES = st.builds(Loss, st.floats(-1, 1), st.floats(0.001, 1), st.floats(-0.5, 1))


@given(st.lists(LOSSES, min_size=1, max_size=6), st.floats(0.0, 1.0))
def test_to_lose_more_is_never_to_be_better(losses: list[Loss], more: float) -> None:
    order = [Verdict.AS_GOOD, Verdict.UNKNOWN, Verdict.WORSE]
    after = [Loss(loss.lost + more, loss.error, loss.gained) for loss in losses]
    assert order.index(verdict(after)) >= order.index(verdict(losses))
