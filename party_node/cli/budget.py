"""`accord budget` and what two people in two roles may do about it."""

from typing import Annotated, Any

import typer

from party_node.cli import role_tokens
from party_node.cli.output import (
    DEFAULT_HOME,
    HomeOption,
    JsonOption,
    client_of,
    say,
    show_json,
    table,
    when,
)

Reason = Annotated[str, typer.Option(help="Why; no names, it stays for ever.")]


def budget(
    plan: Annotated[str, typer.Option(help="Price of a question: show before and after.")] = "",
    collaboration: Annotated[str, typer.Option(help="With --plan: only this one.")] = "",
    history: Annotated[bool, typer.Option("--history", help="Show what was charged.")] = False,
    home: HomeOption = DEFAULT_HOME,
    as_json: JsonOption = False,
) -> None:
    """Show what is left of the privacy budget: in questions first, then in rho and epsilon."""
    client = client_of(home)
    if plan:
        asked = {"rho": plan} | ({"collaboration": collaboration} if collaboration else {})
        ahead = client.list("/v1/budget/preview", **asked)
        if as_json:
            show_json(ahead)
            return
        heads = [
            "questions left",
            "after",
            "towards",
            "about",
            "rho left",
            "after",
            "epsilon spent",
        ]
        table([*heads, "after", ""], map(_planned, ahead), "no collaboration is in force")
        return
    found = client.get("/v1/budget")
    if as_json:
        show_json(found)
        return
    if history:
        rows = [
            [when(c["charged_ms"]), c["job"][:12], c["to"], c["dataset"] or "all data", c["what"],
             c["rho"], c["collaboration"]]
            for c in found["charges"]
        ]  # fmt: skip
        heads = ["when", "job", "towards", "about", "what", "rho", "collaboration"]
        table(heads, rows, "nothing has been charged yet")
        return
    heads = ["questions left", "towards", "about", "collaboration", "rho left", "epsilon spent"]
    table([*heads, "delta", "window"], map(_row, found["budgets"]), "no collaboration is in force")


def renew_budget(
    collaboration: Annotated[str, typer.Argument(help="Collaboration whose budget it is.")],
    to: Annotated[str, typer.Option(help="The other party.")],
    dataset: Annotated[str, typer.Option(help="Your dataset that the budget is about.")],
    reason: Reason,
    home: HomeOption = DEFAULT_HOME,
    as_json: JsonOption = False,
) -> None:
    """Let a budget begin anew in a new month, where the agreement says `window: month`. Asks for an
    operator's and a compliance officer's token.
    """
    body = {"collaboration": collaboration, "to": to, "dataset": dataset, "reason": reason}
    found = client_of(home).post("/v1/budget/renewals", body, role_tokens.both())
    if as_json:
        show_json(found)
        return
    say(f"the budget towards {to} about {dataset} begins anew with {found['month']}")
    say(f"approved by {' and '.join(found['approved_by'])}; entry {found['index']} of the ledger")


def answers(home: HomeOption = DEFAULT_HOME, as_json: JsonOption = False) -> None:
    """List the answers that are given again, free of charge, to the same question."""
    found = client_of(home).list("/v1/answers")
    if as_json:
        show_json(found)
        return
    rows = [
        [a["answer"], when(a["released_ms"]), a["to"], a["lineage"] or "all data",
         a["question"][:12], a["job"][:12], a["rho"], "yes" if a["answers"] else "asked anew"]
        for a in found
    ]  # fmt: skip
    heads = ["answer", "when", "towards", "about", "question", "job", "rho", "given again"]
    table(heads, rows, "no answer is kept yet")


def refresh_answer(
    answer: Annotated[int, typer.Argument(min=1, help="Number of the answer.")],
    reason: Reason,
    home: HomeOption = DEFAULT_HOME,
    as_json: JsonOption = False,
) -> None:
    """Let a question that was answered be asked anew, once, at its price. Asks for an operator's
    and a compliance officer's token.
    """
    path = f"/v1/answers/{answer}/refresh"
    found = client_of(home).post(path, {"reason": reason}, role_tokens.both())
    if as_json:
        show_json(found)
        return
    say(f"the question of answer {answer} is paid and answered anew when it is asked next")
    say(f"approved by {' and '.join(found['approved_by'])}; entry {found['index']} of the ledger")


def _row(b: dict[str, Any]) -> list[str]:
    return [
        f"{b['questions_left']:,} at ±{b['half_width']} people",
        b["to"],
        _about(b),
        b["collaboration"] or "published",
        f"{b['left']['rho']} of {b['limit']['rho']}",
        f"{b['spent']['epsilon']} of {b['limit']['epsilon']}",
        b["delta"] if b["further_delta"] == "0" else f"{b['delta']} + {b['further_delta']}",
        b["window"],
    ]


def _planned(b: dict[str, Any]) -> list[str]:
    after = b["after"]
    return [
        f"{b['questions_left']:,} at ±{b['half_width']} people",
        f"{after['questions_left']:,}",
        b["to"],
        _about(b),
        b["left"]["rho"],
        after["left"]["rho"],
        str(b["spent"]["epsilon"]),
        str(after["spent"]["epsilon"]),
        "" if b["fits"] else f"refused: {b['missing']} is missing",
    ]


def _about(b: dict[str, Any]) -> str:
    return ", ".join(b["datasets"]) or "all data"
