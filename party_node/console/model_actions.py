"""What can be done with a model in the console: make an audience, compare it with later outcomes.

Each in two steps: the page says first what it would take and do, and only then has a button. Both
go through the interface that the command line uses; the ledger names who has signed in.
"""

from collections.abc import Iterator
from typing import Annotated, Any

from fastapi import Form, Response

from consent.errors import ConsentError
from party_node import job_words
from party_node.api import jobs, models, tracking
from party_node.console.model import refused, shown
from party_node.console.model_words import withheld
from party_node.console.models import Page
from party_node.errors import IllegalState, NodeError
from party_node.job_kinds import JOINT, LOOKALIKE
from party_node.job_views import job_view
from party_node.roles.callers import Caller
from party_node.running import RunningNode
from party_node.scoring import again, standing
from party_node.tracking import asking, outcomes_file
from party_node.tracking import words as tracking_words
from protocols.errors import DisclosureError, ProtocolError

Size = Annotated[int, Form(ge=1, le=2**24)]
Outcomes = Annotated[str, Form(max_length=20_000)]
REFUSED = (NodeError, ProtocolError, DisclosureError, ConsentError)
_RECORDED = "the gate is asked again, and a use record in the ledger says so"


def look_at_audience(node: RunningNode, job: str, size: int) -> Page:
    """Return the page with what making an audience would do; nothing is recorded yet."""
    try:
        one = standing.of(node.services, job)
        if one["kind"] == JOINT:
            raise IllegalState("a joint score makes no audience: take the scores")
        found = again.foreseen(node.services, job, node.party)
        least, most = one["minimum_size"], len(found.allowed)
        if not least <= size <= most:
            raise IllegalState(f"an audience here has {least:,} to {most:,} people")
    except REFUSED as e:
        return refused(node, job, e, "audience", size=str(size))
    before = one["audience"]
    instead = f"it takes the place of the audience of {before['people']:,} people" if before else ""
    lines = [
        f"the audience has the best {size:,} of {most:,} people whom consent covers now",
        f"not scored: {withheld(found.denied)}",
        "it takes nothing from the budget: what the model knows is paid for",
        _RECORDED,
        *filter(None, [instead]),
    ]
    return shown(node, job, size=str(size), audience_ahead=lines)


def make_audience(node: RunningNode, job: str, size: int, who: Caller) -> None:
    """Make the audience. Raises: as `POST /v1/models/{job}/audience`."""
    models.make_audience(job, models.AudienceBody(size=size), node, who)


def look_at_outcomes(node: RunningNode, job: str, text: str) -> Page:
    """Return the page with what comparing with outcomes would take."""
    try:
        one, may = standing.of(node.services, job), True
        if one["kind"] == LOOKALIKE:
            ahead = _ask(node, job, text, dry_run=True)
            lines = [*job_words.preflight(ahead, ahead["preflight"], ahead["estimate"])]
            may = not ahead["preflight"]["refusal"]
        else:
            lines = [*_of_comparing(node, job, text)]
    except REFUSED as e:
        return refused(node, job, e, "later", outcomes=text)
    return shown(node, job, outcomes=text, outcomes_ahead={"lines": lines, "may": may})


def compare(node: RunningNode, job: str, text: str, who: Caller) -> Page | None:
    """Return the page with what a comparison says; None where the partner was asked for it."""
    try:
        if standing.of(node.services, job)["kind"] == LOOKALIKE:
            _ask(node, job, text, dry_run=False)
            return None
        body = tracking.OutcomesBody(outcomes=text)
        found = tracking.track(job, body, node, who)
    except REFUSED as e:
        return refused(node, job, e, "later", outcomes=text)
    return shown(
        node,
        job,
        outcomes=text,
        compared={"verdict": found["verdict"], "lines": [*tracking_words.scores(found)]},
    )


def _of_comparing(node: RunningNode, job: str, text: str) -> Iterator[str]:
    parts, outcomes = node.services, outcomes_file.parse(text)
    scoring = again.asked(parts, job, node.party, outcomes.dataset)
    found = again.foreseen(parts, job, node.party, outcomes.dataset, outcomes.columns)
    columns = ", ".join(sorted(outcomes.columns))
    yield f"who has the outcome is read from {columns} of {scoring.dataset}"
    yield f"{len(found.allowed):,} of {found.asked:,} people may be compared now"
    yield f"left out: {withheld(found.denied)}"
    yield "nothing leaves this party, and nothing is charged"
    yield _RECORDED
    yield "the answer is shown once: it is not kept"


def _ask(node: RunningNode, job: str, text: str, *, dry_run: bool) -> dict[str, Any]:
    """Ask the partner how high its model ranks people with the outcome, or look ahead."""
    body = asking.reach_job(job_view(node.services, job), text, "") | {"dry_run": dry_run}
    return jobs.ask(jobs.JobBody.model_validate(body), node, Response())
