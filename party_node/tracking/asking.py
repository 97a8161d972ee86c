"""The job that asks how high a partner's lookalike ranks one's own people who have an outcome.

The command line and the console ask for the same one: they show what it takes, and then ask.
"""

from collections.abc import Mapping
from typing import Any

from party_node.job_kinds import INSIGHT
from party_node.tracking import outcomes_file


def reach_job(made: Mapping[str, Any], text: str, rho: str) -> dict[str, Any]:
    """Return what is asked for: `made` is the job of the model, `text` says who has the outcome.

    `rho` is the price where one is given beside the text. Raises: InvalidQuery.
    """
    partner, (mine,) = made["receiver"], made["senders"]
    outcomes = outcomes_file.parse(text)
    return {
        "collaboration": made["collaboration"],
        "kind": INSIGHT,
        "purpose": made["purpose"],
        "identifiers": made["identifiers"],
        "dataset": outcomes.dataset or made["datasets"][mine],
        "question": outcomes_file.reach_question(
            outcomes, made["job"], made["datasets"][partner], rho
        ),
    }
