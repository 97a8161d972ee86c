import dataclasses

import pytest

from protocols.context import context
from protocols.errors import LocalError
from protocols.job import JobDescription, Source
from protocols.keys import PartyKeys
from tests.support.described import described
from tests.support.seeded import seeded

BRAND = PartyKeys.generate("brand", seeded("brand")).public()
PUBLISHER = PartyKeys.generate("publisher", seeded("publisher")).public()
JOB = described()


def test_both_sides_compute_the_same_32_bytes():
    ctx = context(JOB, BRAND, PUBLISHER)
    assert len(ctx) == 32
    assert ctx == context(dataclasses.replace(JOB), BRAND, PUBLISHER)


@pytest.mark.parametrize("name", [f.name for f in dataclasses.fields(JobDescription)])
def test_every_field_of_the_job_enters(name):
    value = getattr(JOB, name)
    if isinstance(value, int):
        other: object = value + 1
    elif name == "senders":
        other = (Source("publisher", "other"),)
    elif isinstance(value, tuple):
        other = (*value, "phone")
    else:
        other = value + (b"x" if isinstance(value, bytes) else "x")
    changed = dataclasses.replace(JOB, **{name: other})
    if name == "receiver":  # this must be the name in the keys
        with pytest.raises(LocalError):
            context(changed, BRAND, PUBLISHER)
    else:
        assert context(changed, BRAND, PUBLISHER) != context(JOB, BRAND, PUBLISHER)


def test_the_keys_of_both_parties_enter():
    other = PartyKeys.generate("brand", seeded("other")).public()
    assert context(JOB, other, PUBLISHER) != context(JOB, BRAND, PUBLISHER)


def test_keys_in_the_wrong_place_are_refused():
    with pytest.raises(LocalError):
        context(JOB, PUBLISHER, BRAND)


def test_the_keys_of_all_senders_enter_in_the_order_of_the_job():
    shop = PartyKeys.generate("shop", seeded("shop")).public()
    three = dataclasses.replace(JOB, senders=(*JOB.senders, Source("shop", "buyers")))
    assert context(three, BRAND, PUBLISHER, shop) != context(JOB, BRAND, PUBLISHER)
    for keys in ((BRAND, shop, PUBLISHER), (BRAND, PUBLISHER), (BRAND, PUBLISHER, shop, shop)):
        with pytest.raises(LocalError):
            context(three, *keys)
