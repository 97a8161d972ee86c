"""The demo's lookalike: readers who are like the brand's customers with a high income.

The brand knows who has a high income, the publisher how people live. The census behind both knows
everybody's income, so the audience can be judged: chance would find as many as there are anyway.
"""

from party_node.demo import truth
from party_node.demo.asking import run
from party_node.demo.scene import FEATURES, LOOKALIKE, LOOKALIKE_RHO, Scene
from protocols.lookalike.seeds import FEWEST_SEEDS

_REACH = 10
"""One in so many readers is to be in the audience."""
_BETTER_THAN_CHANCE = 1.5


def lookalike(scene: Scene) -> None:
    """Let the publisher find people like seeds that it does not know; judge whom it found."""
    scene.teller.step("Job `lookalike`: which readers are like our customers with a high income?")
    world, publisher = scene.world, scene.network.publisher
    seeds, readers = (
        truth.seeds(world, LOOKALIKE),
        truth.permitted_people(world, "publisher", LOOKALIKE),
    )
    if seeds < 2 * FEWEST_SEEDS:
        scene.teller.say(f"{seeds} seeds are too few for a model: left out")
        scene.report["lookalike"] = None
        return
    size = max(len(readers) // _REACH, 50)
    question = _question(seeds // 2, size)
    job, seconds = run(scene, "lookalike", question=question)
    card = scene.network.brand.get(f"/v1/jobs/{job}/result")["model"]
    activation = publisher.post(f"/v1/audiences/{job}/activations")
    found = truth.wanted(world, activation["keys"])
    everybody = truth.wanted(world, _keys(scene, readers.tolist()))
    named = ", ".join(w["column"] for w in card["weights"][:3])
    scene.teller.say(
        f"the publisher keeps {activation['people']:,} readers, {found:.0%} of whom have a high "
        f"income; of all readers it is {everybody:.0%}; after {seconds:.1f} s"
    )
    scene.teller.say(
        f"the brand learns: it goes by {named}; {card['curve'][3]['recall']:.0%} of held-out "
        f"seeds are in the best 10 %"
    )
    check = scene.checks
    scene.judge(check.equal("lookalike: people in the audience", activation["people"], size))
    scene.judge(
        check.true(
            "lookalike: better than chance by half, judged by the census",
            found >= _BETTER_THAN_CHANCE * everybody,
        )
    )
    scene.report["lookalike"] = {
        "job": job,
        "seconds": round(seconds, 2),
        "card": card,
        "people": activation["people"],
        "high_income": {"audience": round(found, 4), "everybody": round(everybody, 4)},
        "seeds": seeds,
    }


def _question(expected: int, size: int) -> str:
    features = "".join(f"  - {{column: {name}, kind: {kind}}}\n" for name, kind in FEATURES.items())
    return f"""\
population: audience
features:
{features}seeds:
  dataset: customers
  expected: {expected}
  columns: {{income: {{categories: [">50K"]}}}}
  where: {{eq: {{income: ">50K"}}}}
price: {{rho: "{LOOKALIKE_RHO}"}}
audience: {size}
"""


def _keys(scene: Scene, people: list[int]) -> list[str]:
    side, meant = scene.world.sides["publisher"], set(people)
    return [
        key for key, person in zip(side.keys, side.row_people.tolist(), strict=True)
        if person in meant
    ]  # fmt: skip
