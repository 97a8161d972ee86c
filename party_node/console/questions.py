"""The console's page for questions about people in common: write one, look ahead, ask.

Nothing is asked before the page has said what it costs, whom, how exact the answer will be and how
many questions are left. It goes through the same interface as the command line.
"""

import dataclasses
from collections.abc import Callable
from typing import Annotated, Any

from fastapi import Form, Response

from party_node import job_words
from party_node.api import jobs
from party_node.api.releases import MAX_QUESTION
from party_node.budget_views import budget_views
from party_node.console.asking import KINDS, Offer, Written, chosen, offers, text_of
from party_node.console.view import look_for_news
from party_node.errors import NodeError
from party_node.job_kinds import INSIGHT
from party_node.problems import problem_of
from party_node.running import RunningNode
from protocols.errors import ProtocolError

Key = Annotated[str, Form(max_length=400)]
Typed = Annotated[str, Form(max_length=2_000)]
Text = Annotated[str, Form(max_length=MAX_QUESTION)]
Page = tuple[dict[str, Any], int]
"""What stands on the page, and its status."""


def empty(node: RunningNode) -> Page:
    """Return the page before anything is written."""
    look_for_news(node)
    return _content(node), 200


def written(node: RunningNode, key: str, form: Written) -> Page:
    """Return the page with the question that the fields say, looked ahead at."""
    return _tried(node, key, lambda offer: text_of(offer, form), form)


def looked(node: RunningNode, key: str, text: str) -> Page:
    """Return the page with a question that was changed by hand, looked ahead at."""
    return _tried(node, key, lambda _offer: text, Written())


def ask(node: RunningNode, key: str, text: str) -> None:
    """Ask the question. Raises: as `POST /v1/jobs`."""
    offer = chosen(node.services, key)
    jobs.ask(_body(offer, text, dry_run=False), node, Response())


def _tried(node: RunningNode, key: str, text_for: Callable[[Offer], str], form: Written) -> Page:
    look_for_news(node)
    given: dict[str, Any] = {"key": key, "form": dataclasses.asdict(form)}
    try:
        offer = chosen(node.services, key)
        text = text_for(offer)
        given["text"] = text
        ahead = jobs.ask(_body(offer, text, dry_run=True), node, Response())
    except (NodeError, ProtocolError) as e:
        problem = problem_of(e)
        return _content(node) | given | {"problem": problem}, problem.status
    lines = list(job_words.preflight(ahead, ahead["preflight"], ahead["estimate"]))
    refused = ahead["preflight"]["refusal"]
    return _content(node) | given | {"ahead": lines, "may_ask": not refused}, 200


def _body(offer: Offer, text: str, *, dry_run: bool) -> jobs.JobBody:
    return jobs.JobBody.model_validate(
        {"collaboration": offer.collaboration, "kind": INSIGHT, "purpose": offer.purpose,
         "identifiers": offer.identifiers[:1], "question": text, "dry_run": dry_run}
    )  # fmt: skip


def _content(node: RunningNode) -> dict[str, Any]:
    return {
        "name": node.services.home.settings.name,
        "offers": offers(node.services),
        "kinds": KINDS,
        "budgets": budget_views(node.services),
        "key": "",
        "form": dataclasses.asdict(Written()),
        "text": "",
        "ahead": [],
        "may_ask": False,
        "problem": None,
    }
