"""A job that waits for a decision, in a real browser: its question is there, whole."""

from collections.abc import Iterator

import pytest

from party_node.job_views import job_view
from party_node.roles.callers import ADMINISTRATOR
from party_node.roles.tokens import StaffRole
from tests.support.browser import PHONE, Browser, browser
from tests.support.consoles import served
from tests.support.lookalike_nodes import QUESTION, lookalike_nodes
from tests.support.looking import look, sign_in
from tests.support.two_nodes import TwoNodes

pytestmark = [pytest.mark.e2e, pytest.mark.usefixtures("overlapping")]
WORDS = [f"a-rather-long-category-{n}" for n in range(40)]
SEGMENTS = f"columns: {{s: {{column: segment, categories: [{', '.join(WORDS)}]}}}}"
LONG = QUESTION.replace(
    "expected: 50", f"expected: 50, {SEGMENTS}, where: {{in: {{s: [{', '.join(WORDS)}]}}}}"
)
OPEN = "document.querySelector('details').open"


@pytest.fixture
def page() -> Iterator[Browser]:
    with browser() as found:
        yield found


@pytest.fixture
def world() -> Iterator[TwoNodes]:
    with lookalike_nodes() as found:
        found.publisher.services.rules.remove("all-lookalike")
        yield found


def asked(world: TwoNodes, question: str) -> str:
    job = world.brand.ask("lookalike", question=question)
    world.publisher.turn()
    return job


def test_a_question_is_read_and_approved_on_all_screens(page: Browser, world: TwoNodes) -> None:
    job = asked(world, QUESTION)
    with served(world.publisher) as address:
        sign_in(page, address)
        assert page.js(OPEN)
        for words in ("age: numbers from 18 up to 90", "the 60 best", "never who is a seed"):
            assert words in page.text()
        assert "matched by email" in page.text()
        assert "fewer than 500 seeds" in page.text(), "the forecast warns whoever must approve too"
        look(page, f"{address}/")
        page.press("Approve")
        assert "Nothing waits for you" in page.text()
        assert page.errors == []
    assert job_view(world.publisher.services, job)["decision"] == "person:console"


def test_a_compliance_officer_reads_the_question_and_decides_nothing(
    page: Browser, world: TwoNodes
) -> None:
    job = asked(world, QUESTION)
    roles = world.publisher.services.roles
    with served(world.publisher) as address:
        sign_in(page, address, roles.add("dpo", StaffRole.COMPLIANCE, ADMINISTRATOR))
        assert "age: numbers from 18 up to 90" in page.text()
        assert "Waits for an operator’s decision" in page.text()
        assert page.js("[...document.querySelectorAll('button')].map(b => b.innerText)") == [
            "Sign out"
        ]
        look(page, f"{address}/")
        look(page, f"{address}/models")
        look(page, f"{address}/audit")
        page.go(f"{address}/questions")
        assert "A compliance officer reads" in page.text()
        page.go(f"{address}/")
        page.press("Sign out")
        assert "Token" in page.text()
    assert job_view(world.publisher.services, job)["decision"] == ""


def test_a_long_question_is_folded_says_so_and_is_whole(page: Browser, world: TwoNodes) -> None:
    asked(world, LONG)
    with served(world.publisher) as address:
        sign_in(page, address)
        assert not page.js(OPEN)
        assert "The whole question" in page.text()
        assert WORDS[-1] not in page.text()
        paper = page.on_paper()
        assert all(word in paper for word in WORDS), "paper cannot be unfolded"
        assert "Approve" not in paper
        look(page, f"{address}/")
        page.size(PHONE)
        page.js("document.querySelector('summary').click()")
        assert page.js(OPEN)
        assert all(word in page.text() for word in WORDS)
        assert page.wider() == []
