"""The console's pages of models in a real browser: what fits, what can be read, what can be done.

The browser enforces the pages' own policy; whatever breaks it would be an error here.
"""

from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from tests.support import common_models, tracking_nodes
from tests.support.browser import PHONE, Browser, browser
from tests.support.consoles import served
from tests.support.looking import look, sign_in
from tests.support.tracking_nodes import LARGE, PURPOSE, by_chance, fill, model_of, question
from tests.support.trained_nodes import the_job
from tests.support.two_nodes import BRAND, PARTIES, TwoNodes

pytestmark = [pytest.mark.e2e, pytest.mark.usefixtures("overlapping")]
"""A browser runs a loop in this thread, so requests of the nodes need one of their own."""


@pytest.fixture
def page() -> Iterator[Browser]:
    with browser() as found:
        yield found


def test_both_sides_of_a_lookalike_on_all_screens(page: Browser) -> None:
    with tracking_nodes.tracking_nodes(LARGE) as world, ExitStack() as stack:
        model = model_of(world)
        _ask_by_chance(world, model)
        for party in PARTIES:
            address = stack.enter_context(served(world.nodes[party]))
            sign_in(page, address)
            page.press("Models")
            assert "People like brand’s customers where segment is loyal" in page.text()
            for path in ("models", f"models/{model}"):
                look(page, f"{address}/{path}")
            marks = page.js("document.querySelectorAll('.chart circle.mark').length")
            now = page.js("document.querySelectorAll('.chart rect.now').length")
            assert (marks, now > 0) == (6, party == BRAND)
            worse = "Worse than at training" in page.text()
            assert worse == (party == BRAND), "the answer is the brand's alone"
        assert page.errors == []


def test_an_audience_is_made_and_a_model_compared_by_pressing_buttons(page: Browser) -> None:
    with common_models.common_model() as world, served(world.publisher) as address:
        job, node = the_job(world), world.publisher
        sign_in(page, address)
        page.size(PHONE)
        page.go(f"{address}/models")
        page.press("People whose renewed is likely to be yes")
        page.fill("#size", "5")
        page.press("Look ahead at the audience")
        assert "an audience here has 50 to 999 people" in page.text()
        assert page.js("document.querySelector('#size').value") == "5"
        page.fill("#size", "120")
        page.press("Look ahead at the audience")
        assert "best 120 of 999 people whom consent covers now" in page.text()
        assert page.wider() == []
        assert page.js("document.querySelector('#audience').getBoundingClientRect().top < 100")
        assert not node.has_audience(job)
        page.press("Make the audience")
        assert "120 people" in page.text()
        assert len(node.activate(job)) == 120
        page.fill("#outcomes", common_models.OUTCOMES)
        page.press("Look ahead at the comparison")
        assert "999 of 1,000 people may be compared now" in page.text()
        page.press("Compare")
        assert "as good as at training" in page.text().lower()
        assert page.wider() == []
        node.say("withdrawn", 1100, common_models.PURPOSE)
        page.go(f"{address}/models")
        assert "998" in page.text()
        assert len(page.errors) == 1, page.errors
        (refused,) = page.errors
        assert "409 (Conflict)" in refused, "the audience that was too small"


def _ask_by_chance(world: TwoNodes, model: str) -> None:
    """Let the brand ask about outcomes that have nothing to do with the model any more."""
    world.publisher.say("withdrawn", 3, PURPOSE)
    fill(world.brand, world.folder, LARGE, by_chance)
    world.clock.advance(seconds=5)
    asked = {"purpose": PURPOSE, "dataset": "customers", "question": question(model)}
    job = world.brand.ask("insight", **asked)
    world.settle(job)
    assert world.job(job) == ("completed", "")
