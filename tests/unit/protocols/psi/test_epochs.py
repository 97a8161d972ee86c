import dataclasses

import pytest

from party_node import job_checks
from party_node.errors import JobRefused, StrictNeeded
from protocols.codec import encode
from protocols.job import JobDescription, Source
from protocols.keys import PartyKeys
from protocols.psi.epochs import scope_of
from protocols.psi.params import STRICT_BELOW, PreparedParams, PsiParams
from protocols.psi.prepared import NAME
from tests.support.described import described
from tests.support.seeded import seeded

BRAND = PartyKeys.generate("brand", seeded("brand")).public()
PUBLISHER = PartyKeys.generate("publisher", seeded("publisher")).public()
JOB = described(
    kind="audience",
    protocol=NAME,
    params=encode(PreparedParams(2**20, 2**15)),
    purpose="joint-audience",
    receiver="publisher",
    receiver_dataset="audience",
    senders=(Source("brand", "customers"),),
    identifiers=("email", "phone"),
)
BINDING = {"collaboration", "kind", "purpose", "senders", "identifiers"}
"""What a set is for: with another of these it is another set, with another key."""


@pytest.mark.parametrize("name", [f.name for f in dataclasses.fields(JobDescription)])
def test_a_scope_is_what_a_set_is_for_and_not_the_job(name):
    value = getattr(JOB, name)
    if isinstance(value, int):
        other: object = value + 1
    elif name == "senders":
        other = (Source("brand", "other"),)
    elif isinstance(value, tuple):
        other = value[::-1]
    else:
        other = value + (b"x" if isinstance(value, bytes) else "x")
    changed = scope_of(dataclasses.replace(JOB, **{name: other}), PUBLISHER, BRAND)
    assert (changed != scope_of(JOB, PUBLISHER, BRAND)) == (name in BINDING)


def test_both_parties_keys_and_their_sides_enter_the_scope():
    other = PartyKeys.generate("brand", seeded("other")).public()
    scopes = {
        scope_of(JOB, *keys)
        for keys in ((PUBLISHER, BRAND), (BRAND, PUBLISHER), (PUBLISHER, other))
    }
    assert len(scopes) == 3


def test_no_two_words_run_into_each_other():
    one = dataclasses.replace(JOB, kind="ab", purpose="c")
    other = dataclasses.replace(JOB, kind="a", purpose="bc")
    assert scope_of(one, PUBLISHER, BRAND) != scope_of(other, PUBLISHER, BRAND)


def test_a_small_set_needs_no_strict_hashing_here_and_does_elsewhere():
    """Decoys hide the same bit."""
    job_checks.check_sizes(JOB, STRICT_BELOW - 1)
    with pytest.raises(JobRefused):
        job_checks.check_sizes(JOB, 2**20 + 1)
    params = encode(PsiParams(2**20, 2**15, strict=False))
    plain = dataclasses.replace(JOB, protocol="psi-dh-members/1", params=params)
    with pytest.raises(StrictNeeded):
        job_checks.check_sizes(plain, STRICT_BELOW - 1)
