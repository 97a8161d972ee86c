"""Joint audiences at the activating party: which of its own people, kept sealed, handed out
through the gate.

Every time an audience is shown or exported the gate is asked again, for the operation `activate`:
a person who has withdrawn since is left out, and the ledger says so.
"""

from dataclasses import dataclass

from sqlmodel import col, select

from party_node import uses
from party_node.audience_members import open_members
from party_node.errors import NotFound
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
    agreed = services.jobs.agreement(description)  # an audience does not outlive it
    use = f"{job}-activate-{services.rng(8).hex()}"
    purpose = purpose_for(description, agreed, services.vocabulary)
    again = uses.Later(use, _ACTIVATE, requester, members, purpose, dataset)
    me = services.home.keys.party
    permitted = uses.permit(services.gate, description, me, _TTL_MS, later=again)
    allowed = permitted.allowed
    keys = services.datasets.keys(permitted.reading, allowed)
    uses.complete(services.gate, permitted)
    return Audience(job, dataset, keys, len(allowed), len(members) - len(allowed))
