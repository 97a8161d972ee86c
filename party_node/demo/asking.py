"""The demo's middle part: the overlap, the audience, a withdrawal, and the audience again."""

import time
from typing import Any

from party_node.demo import truth
from party_node.demo.scene import (
    CELL_BOUND,
    COLLABORATION,
    JOINT_AUDIENCE,
    MEASUREMENT,
    MOST_HIDDEN,
    NOISE_BOUND,
    QUESTION,
    RELATIONSHIPS,
    RHO,
    Scene,
)


def overlap(scene: Scene) -> None:
    """Ask how many people both have in common, and compare the noisy answer with the plain one."""
    scene.teller.step("Job `overlap`: how many people do we have in common?")
    job, seconds = run(scene, "overlap")
    parties = scene.network.parties
    results = {name: party.get(f"/v1/jobs/{job}/result") for name, party in parties.items()}
    for name, result in results.items():
        _say_own(scene, name, result["own"])
    size, plain = results["brand"]["size"], truth.overlap(scene.world, MEASUREMENT)
    scene.teller.say(f"both learn {size['text']}, after {seconds:.1f} s; rho {RHO} charged before")
    check, heard = scene.checks, results["publisher"]["size"]
    scene.judge(
        check.within("overlap: noisy size and the plain count", size["value"], plain, NOISE_BOUND)
    )
    scene.judge(check.equal("overlap: the publisher hears", heard["text"], size["text"]))
    for name in parties:
        permitted = truth.permitted(scene.world, name, MEASUREMENT)
        found = results[name]["own"]["permitted"]
        scene.judge(check.equal(f"overlap: permitted by the {name}'s gate", found, permitted))
    scene.report["overlap"] = {
        "job": job,
        "seconds": round(seconds, 2),
        "results": results,
        "plain": plain,
    }


def insight(scene: Scene) -> None:
    """Ask about a column of the publisher's over the people of both; compare cell by cell."""
    scene.teller.step("Job `insight`: how do the readers among our customers live?")
    job, seconds = run(scene, "insight", question=QUESTION)
    result = scene.network.brand.get(f"/v1/jobs/{job}/result")
    rows = {row["key"][0]: row for row in result["statistics"]["rows"]}
    plain = truth.relationships(scene.world, MEASUREMENT)
    shown = [name for name in RELATIONSHIPS if rows[name]["value"] is not None]
    told = ", ".join(f"{name} {rows[name]['value']:,}" for name in shown[:3])
    cost, route = result["cost"]["rho"], result["provenance"]["protocol"]
    scene.teller.say(f"the brand learns: {told}, …, after {seconds:.1f} s ({route}); rho {cost}")
    heard = scene.network.publisher.get(f"/v1/jobs/{job}/result")["statistics"]
    scene.judge(scene.checks.true("insight: the publisher hears no answer", heard is None))
    hidden = max((plain[name] for name in RELATIONSHIPS if name not in shown), default=0)
    scene.judge(scene.checks.true("insight: only small cells are hidden", hidden < MOST_HIDDEN))
    off = {name: abs(rows[name]["value"] - plain[name]) for name in shown}
    worst = max(off.values(), default=0)
    scene.judge(
        scene.checks.within("insight: how far the furthest cell is off", worst, 0, CELL_BOUND)
    )
    scene.report["insight"] = {
        "job": job,
        "seconds": round(seconds, 2),
        "result": result,
        "plain": plain,
    }


def audience(scene: Scene, name: str = "audience") -> list[str]:
    """Make the joint audience, compare it with the plain intersection; return its row keys."""
    again = "" if name == "audience" else ", again"
    scene.teller.step(f"Job `audience`{again}: people for the publisher to activate")
    job, seconds = run(scene, "audience")
    activation = scene.network.publisher.post(f"/v1/audiences/{job}/activations")
    keys, people = sorted(activation["keys"]), activation["people"]
    expected = sorted(truth.audience(scene.world, JOINT_AUDIENCE))
    plain = truth.overlap(scene.world, JOINT_AUDIENCE)
    noisy = scene.network.brand.get(f"/v1/jobs/{job}/result")["size"]
    scene.teller.say(
        f"the publisher gets {people:,} of its own readers (in {len(keys):,} rows);"
        f" the brand learns only {noisy['text']}, after {seconds:.1f} s"
    )
    check = scene.checks
    scene.judge(check.equal(f"{name}: people", people, plain))
    scene.judge(check.equal(f"{name}: exactly the plain rows", keys == expected, True))
    scene.judge(check.within(f"{name}: noisy size", noisy["value"], plain, NOISE_BOUND))
    scene.report[name] = {
        "job": job,
        "seconds": round(seconds, 2),
        "people": people,
        "rows": len(keys),
        "plain": plain,
        "brand_learns": noisy,
    }
    return keys


def withdraw(scene: Scene, first: list[str]) -> None:
    """One matched person withdraws; the same audience again is without them, and says why."""
    scene.teller.step("One matched person withdraws")
    person, publisher = scene.world.withdrawing, scene.network.publisher
    scope = {"email": person.email, "purpose": JOINT_AUDIENCE, "recipient": "brand"}
    said = publisher.post(
        "/v1/consent/events",
        scope | {"state": "withdrawn"},
        **{"Idempotency-Key": "demo-withdrawal-1"},
    )
    truth.withdraw(scene.world)
    scene.teller.say(f"reader {person.key} withdraws: entry {said['index']} of the ledger")
    second = audience(scene, "audience_again")
    why = publisher.post("/v1/consent/explanations", scope | {"operation": "activate"})
    scene.teller.say(
        f"the ledger shows why: {why['decision']}, {why['reason']},"
        f" decided by entry {why['deciding_index']}"
    )
    gone = sorted(set(first) - set(second))
    scene.judge(scene.checks.equal("withdrawal: who is gone", gone, [person.key]))
    deciding = scene.checks.equal(
        "withdrawal: deciding entry", why["deciding_index"], said["index"]
    )
    scene.judge(deciding)
    scene.report["withdrawal"] = {"entry": said["index"], "explanation": why}


def run(scene: Scene, kind: str, **more: str) -> tuple[str, float]:
    """Ask for a job at the brand; return it and its seconds once both sides have their result."""
    brand, teller = scene.network.brand, scene.teller
    ask = {"collaboration": COLLABORATION, "kind": kind, "rho": RHO, **more}
    mine = brand.post("/v1/jobs", ask | {"dry_run": True})["preflight"]
    teller.say(
        f"pre-flight at the brand: at least {mine['permitted_step']:,} of {mine['asked_step']:,}"
        f" people permitted, about {mine['seconds']} s"
    )
    began = time.monotonic()
    job = str(brand.post("/v1/jobs", ask)["job"])
    with teller.working(f"job {job[:8]}: gate at both sides, protocol through the relay, receipt"):
        ended = {name: party.wait_for(job) for name, party in scene.network.parties.items()}
    seconds = time.monotonic() - began
    teller.say(f"job {job[:8]}: approved at the publisher by {ended['publisher']['decision']}")
    return job, seconds


def _say_own(scene: Scene, name: str, own: dict[str, Any]) -> None:
    held = ", ".join(f"{reason} {count:,}" for reason, count in own["withheld"].items())
    scene.teller.say(
        f"{name}: {own['permitted']:,} of {own['asked']:,} people permitted; withheld: {held}"
    )
