"""What is foretold of a common model: by its noise, and how many people that asks for."""

import dataclasses

import pytest

from party_node import asked_words
from party_node.federated.forecast import WANTED, ahead
from party_node.federated.question_file import parse
from party_node.question_text import forecast_of
from protocols.codec import encode
from protocols.federated.asked import Federated
from tests.support.described import described

TEXT = """\
features: [{column: age, kind: numeric, edges: [25, 35]}]
label: {column: renewed, positive: ["yes"]}
rounds: 2
price: {rho: "0.008605"}
"""


def foretold(asked: Federated) -> dict[str, float]:
    job = described(kind="federated", question=encode(asked))
    found = forecast_of(job)
    assert found is not None
    assert found == ahead(job, asked)
    return found


def test_at_the_price_that_was_measured_as_many_are_wanted_as_were_there() -> None:
    found = foretold(parse(TEXT))
    # Two partners, where three were measured.
    assert found["people_wanted"] == pytest.approx(WANTED * (2 / 3) ** 0.5, rel=0.03)
    (first, second) = asked_words.forecast(found)
    assert f"within ±{1.96 * found['noise_people']:,.0f} people" in first
    assert "about 16,000 people of all partners together" in second


def test_a_quarter_of_the_price_doubles_noise_and_people() -> None:
    asked = parse(TEXT)
    dear = foretold(dataclasses.replace(asked, rho_nano=4 * asked.rho_nano))
    cheap = foretold(asked)
    assert cheap["noise_people"] == pytest.approx(2 * dear["noise_people"], rel=0.02)
    assert cheap["people_wanted"] == pytest.approx(2 * dear["people_wanted"], rel=0.05)


def test_a_threshold_that_fits_nobody_is_no_error_of_the_page_that_shows_the_job() -> None:
    asked = parse(TEXT.replace("rounds: 2", "rounds: 2\nthreshold: 9"))
    assert foretold(asked) == foretold(parse(TEXT))
