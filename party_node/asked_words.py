"""A job as it is asked, in sentences: for whoever asks before it is asked, and for whoever must say
yes to it, before and after. Both read the same ones.
"""

from collections.abc import Iterator
from typing import Any

from party_node.job_kinds import FEDERATED


def asked(job: dict[str, Any]) -> Iterator[str]:
    """Say what is asked and by which protocol, who learns what, the price and the forecast."""
    under = f"{job['collaboration']} version {job['version']}"
    yield f"{job['kind']} for {job['purpose']} under {under}"
    yield from how(job)
    yield from question(job["question"])
    if job["who_learns"]:
        yield "who learns what:"
    for one in job["who_learns"]:
        yield f"  {one['who']}: {one['what']}"
    yield f"price: {price(job['cost'])}"
    if job["forecast"] is not None:
        yield from forecast(job["forecast"])


def how(job: dict[str, Any]) -> Iterator[str]:
    """Say how people are matched, by which protocol, and whose data is used."""
    if job["kind"] == FEDERATED:
        yield "nobody is matched: each party trains on its own people"
    else:
        yield f"matched by {', then '.join(job['identifiers'])}{_at_most(job['per_person'])}"
    yield f"protocol: {job['protocol']}"
    of_whom = (f"{dataset} of {party}" for party, dataset in sorted(job["datasets"].items()))
    yield f"datasets: {', '.join(of_whom)}"


def question(parts: list[dict[str, Any]]) -> Iterator[str]:
    """Say a question, complete: nobody agrees to what was cut off."""
    if parts:
        yield "what is asked:"
    for one in parts:
        if len(one["lines"]) == 1:
            yield f"  {one['part']}: {one['lines'][0]}"
        else:
            yield f"  {one['part']}:"
            yield from (f"    {line}" for line in one["lines"])


def price(cost: dict[str, Any]) -> str:
    """Say what a job costs, and from whose budget it is paid."""
    alone = cost["epsilon_alone"]
    means = "" if alone is None else f" (epsilon {alone} alone, at delta {cost['delta']})"
    payers = cost["paid_by"]
    each = ", each" if len(payers) > 1 else ""
    return f"rho {cost['rho']}{means}, from the budget of {' and '.join(payers)}{each}"


def forecast(found: dict[str, Any]) -> Iterator[str]:
    """Say how good a model can get, which follows from the question alone."""
    if "noise_people" in found:
        yield from _of_training(found)
        return
    divided = f"{found['training']:,} train, {found['held_out']:,} are held out"
    seeds = f"with {found['seeds_step']:,} seeds ({divided})"
    if found["auc_middle"] is None:
        yield f"{seeds} at this price it was not measured how good a model gets"
    else:
        yield (
            f"{seeds} a model of this price reaches about {found['auc_middle']:.0%} of the AUC "
            f"of one without privacy, {found['auc_low']:.0%} in the worst case that was measured"
        )
    for caution in found["cautions"]:
        yield f"caution: {caution['text']}"


def _of_training(found: dict[str, Any]) -> Iterator[str]:
    """Say the same of a common model."""
    wanted = found["people_wanted"]
    yield f"the counts that it is made of are each {within(found['noise_people'])} of noise"
    yield (
        f"at this price about {wanted:,} people of all partners together are wanted: with so many, "
        "a common model was within 1 % of the AUC of one without privacy on 19 of 21 labels that "
        "were measured, with fewer on 1 of 12"
    )


def within(noise_people: float) -> str:
    """Say between which ends noise of this scale leaves a count."""
    return f"within ±{1.96 * noise_people:,.0f} people (95 %)"


def _at_most(per_person: int | None) -> str:
    """Say how many identifiers a person brings, where more would be possible."""
    if per_person is None:
        return ""
    return f"; a person brings {per_person} identifier{'' if per_person == 1 else 's'} at most"
