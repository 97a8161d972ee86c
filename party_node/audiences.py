"""Joint audiences at the activating party: which of its own people, kept sealed, handed out
through the gate.

Every time an audience is shown or exported the gate is asked again, for the operation `activate`:
a person who has withdrawn since is left out, and the ledger says so.
"""

from dataclasses import dataclass

from pyroaring import BitMap
from sqlmodel import col, select

from consent.errors import ConsentError
from party_node import uses
from party_node.audience_members import open_members
from party_node.errors import NodeError, NotFound
from party_node.job_tables import AudienceRow
from party_node.scoring.purposes import purpose_for
from party_node.services import Services

_ACTIVATE = ("activate",)
_TTL_MS = 15 * 60 * 1000


@dataclass(frozen=True, slots=True)
class Audience:
    """An audience as it may be used now."""

    job: str
    dataset: str
    keys: list[str]
    """This party's own row keys; a person with several rows has several."""
    people: int
    left_out: int
    """People who matched but may not be used any more."""


def all_audiences(services: Services) -> list[str]:
    """Return the jobs that brought an audience, newest first."""
    with services.db.reading() as session:
        query = select(AudienceRow.job).order_by(col(AudienceRow.created_ms).desc())
        return list(session.exec(query).all())


@dataclass(frozen=True, slots=True)
class Standing:
    """An audience as it is kept; who is in it is not said."""

    dataset: str
    people: int
    usable: int | None
    """Those of them whom consent would let be used now; None where nobody may be."""
    refused: str
    """Empty, or the code of the error for which nobody may be."""
    created_ms: int


def standing(services: Services, job: str) -> Standing | None:
    """Return how a job's audience stands, None if there is none: nothing is recorded."""
    with services.db.reading() as session:
        row = session.get(AudienceRow, job)
        if row is None:
            return None
        dataset, made_ms = row.dataset, row.created_ms
        members = open_members(services.vault, row)
    usable, refused = None, ""
    try:
        again = _again(services, job, "", members, dataset)
        found = uses.foreseen(
            services.gate, services.jobs.description(job), services.home.keys.party, again
        )
        usable = len(found.allowed)
    except (NodeError, ConsentError) as e:
        refused = e.code
    return Standing(dataset, len(members), usable, refused, made_ms)


def activate(services: Services, job: str, requester: str) -> Audience:
    """Return an audience for use now, after asking the gate again.

    Raises: NotFound if the job brought no audience; ExpiredCollaboration, ScoringNotAgreed;
    ConsentError; DatasetChanged.
    """
    with services.db.reading() as session:
        row = session.get(AudienceRow, job)
        if row is None:
            raise NotFound(f"job {job} brought no audience to this node")
        dataset, members = row.dataset, open_members(services.vault, row)
    description = services.jobs.description(job)
    again = _again(services, job, requester, members, dataset)
    me = services.home.keys.party
    permitted = uses.permit(services.gate, description, me, _TTL_MS, later=again)
    allowed = permitted.allowed
    keys = services.datasets.keys(permitted.reading, allowed)
    uses.complete(services.gate, permitted)
    return Audience(job, dataset, keys, len(allowed), len(members) - len(allowed))


def _again(
    services: Services, job: str, requester: str, members: BitMap, dataset: str
) -> uses.Later:
    """Return the use that handing out an audience is, under a number of its own."""
    description = services.jobs.description(job)
    agreed = services.jobs.agreement(description)  # an audience does not outlive it
    number = f"{job}-activate-{services.rng(8).hex()}"
    purpose = purpose_for(description, agreed, services.vocabulary)
    return uses.Later(number, _ACTIVATE, requester, members, purpose, dataset)
