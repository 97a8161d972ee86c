"""People and items: what a job allows a side, and by how much one person changes its size."""

import pytest

from party_node import job_checks
from party_node.errors import JobRefused, StrictNeeded
from protocols.codec import encode
from protocols.errors import InvalidParameter, MalformedMessage
from protocols.job import JobDescription
from protocols.job_params import params_of, per_person, sensitivity
from protocols.psi.params import PsiParams, RowParams
from tests.support.described import described

COUNT, MEMBERS = "psi-dh-cardinality/2", "psi-dh-members/1"


def job(protocol: str, params: PsiParams) -> JobDescription:
    return described(protocol=protocol, params=encode(params), identifiers=("email", "phone"))


def rows(**changes: int | bool) -> JobDescription:
    given = {"max_items": 60_000, "chunk_items": 4096, "strict": False, "per_person": 3}
    return job(COUNT, RowParams(**(given | changes)))  # type: ignore[arg-type]


def test_a_count_has_room_for_people_times_what_each_brings():
    job_checks.check_sizes(rows(), 20_000)
    with pytest.raises(JobRefused, match="at most 20,000 people"):
        job_checks.check_sizes(rows(), 20_001)


def test_members_are_people_until_their_identifiers_are_read():
    asked = job(MEMBERS, PsiParams(63_000, 4096, strict=False))
    job_checks.check_sizes(asked, 63_000)
    with pytest.raises(JobRefused, match="at most 63,000 people"):
        job_checks.check_sizes(asked, 63_001)


@pytest.mark.parametrize("most", [12_500, 13_577, 15_999, 16_000, 60_000])
def test_halving_the_limit_does_not_find_how_many_people_are_permitted(most):
    """The refusal is heard before anybody has said yes: it may tell the step and nothing finer."""
    asked = job(MEMBERS, PsiParams(most, 4096, strict=False))

    def refused(permitted: int) -> bool:
        try:
            job_checks.check_sizes(asked, permitted)
        except JobRefused:
            return True
        return False

    assert len({refused(permitted) for permitted in range(12_501, 16_001, 7)}) == 1


def test_whether_a_set_is_small_is_told_by_its_step_too():
    asked = job(MEMBERS, PsiParams(63_000, 4096, strict=False))
    for permitted in (8_001, 9_999, 10_000):
        with pytest.raises(StrictNeeded):
            job_checks.check_sizes(asked, permitted)
    job_checks.check_sizes(asked, 10_001)
    # A node asks for strict hashing by the same rule, so it never refuses its own job.
    assert [job_checks.is_small(n) for n in (8_001, 10_000, 10_001)] == [True, True, False]


@pytest.mark.parametrize("asked", [rows(), job(MEMBERS, PsiParams(60_000, 4096, strict=False))])
def test_what_people_bring_is_checked_in_items(asked):
    job_checks.check_items(asked, 60_000)
    with pytest.raises(JobRefused, match="at most 60,000 identifiers"):
        job_checks.check_items(asked, 60_001)


def test_a_small_set_of_people_is_strict_however_much_they_bring():
    with pytest.raises(StrictNeeded):
        job_checks.check_sizes(rows(), 9_999)
    job_checks.check_sizes(rows(strict=True), 9_999)


@pytest.mark.parametrize("each", [1, 2, 16])
def test_a_person_changes_a_count_by_what_they_bring_and_an_audience_by_one(each):
    assert (per_person(rows(per_person=each)), sensitivity(rows(per_person=each))) == (each, each)
    asked = job(MEMBERS, PsiParams(100))
    assert (per_person(asked), sensitivity(asked)) == (None, 1)


def test_parameters_of_another_protocol_are_refused():
    for wrong in (job(COUNT, PsiParams(60_000)), job(MEMBERS, RowParams(60_000))):
        with pytest.raises(MalformedMessage):
            params_of(wrong)
        with pytest.raises(JobRefused):
            job_checks.check_sizes(wrong, 10)
    with pytest.raises(InvalidParameter):
        params_of(job("psi-dh-cardinality/1", PsiParams(60_000)))
