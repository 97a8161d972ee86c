"""A whole job through the coordinator, from invitation to receipt."""

from tests.support.coordinator import JOB, World, path


def test_a_job_from_proposal_to_receipt(world: World) -> None:
    asked = world.running()
    brand, publisher = world.brand, world.publisher
    first = world.envelope(brand, 0, b"hello")
    assert brand.put(path("brand", 0), first).status_code == 201
    found = publisher.get(path("brand", 0) + "?wait=0")
    assert (found.status_code, found.content) == (200, first)
    assert found.headers["cache-control"] == "no-store"
    assert publisher.delete(path("brand", 0)).status_code == 204
    answer = world.envelope(publisher, 0, b"welcome")
    assert publisher.put(path("publisher", 0), answer).status_code == 201
    assert brand.get(path("publisher", 0)).content == answer
    for who in (brand, publisher):
        assert world.say(who, "complete").status_code == 200
        closed = who.post(f"/v1/jobs/{JOB}/mailbox/close", {"outcome": "completed"})
        assert closed.status_code == 200
    assert brand.get(f"/v1/jobs/{JOB}").json()["state"] == "completed"
    assert closed.json()["outcome"] == {"brand": "completed", "publisher": "completed"}
    filing = world.receipt(asked)
    assert brand.put(f"/v1/jobs/{JOB}/receipt", filing).status_code == 201
    assert publisher.get(f"/v1/jobs/{JOB}/receipt").json() == filing.model_dump(mode="json")
