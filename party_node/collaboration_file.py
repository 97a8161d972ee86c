"""The collaboration as people write it: a YAML file, read strictly, with errors that name the
field that is wrong. `docs/tour.md` shows a complete example.
"""

import datetime
from typing import Annotated, Literal

import yaml
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from consent.defaults import DEFAULT_VOCABULARY
from consent.vocabulary import Vocabulary
from coordinator.wire import PartyId
from party_node.errors import InvalidCollaboration, WrongKey
from party_node.job_kinds import Kind
from protocols.collaboration import Collaboration, DatasetOffer, Member, Permitted
from protocols.collaboration_terms import LEAST_MEMBERS, REVEALING
from protocols.dp.budget import Rho
from protocols.errors import InvalidParameter
from protocols.multi_party import MOST_PARTIES

PROTOCOL_OF_KIND = {
    "overlap": "psi-dh-cardinality/2",
    "audience": "psi-dh-members/1",
    "insight": "sums-join-bfv/1",
    "lookalike": "lookalike-bfv/2",
    "joint": "joint-bfv/3",
    "federated": "federated-ridge/2",
}
"""The safe default protocol of each job kind between two parties."""
RING_OF_KIND = {
    "overlap": "psi-ring-cardinality/2",
    "audience": "psi-ring-members/1",
    "federated": "federated-ridge/2",
}
"""The same between three or more."""

Name = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]{0,62}$")]
Text = Annotated[str, BeforeValidator(lambda v: v if isinstance(v, str) else str(v))]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class _Budget(_Strict):
    rho: Text
    delta_exponent: Annotated[int, Field(ge=5, le=15)] = 8
    window: Literal["none", "month"] = "none"


class _Party(_Strict):
    fingerprint: str = ""


class _Dataset(_Strict):
    party: PartyId
    dataset: Name
    identifiers: Annotated[
        list[Literal["email", "phone", "idfa", "gaid", "oaid", "imei"]], Field(min_length=1)
    ]
    columns: list[str] = []


class _Job(_Strict):
    kind: Kind
    purpose: Name
    receiver: PartyId
    reveal: bool = False
    protocol: str = ""


class CollaborationFile(_Strict):
    """The file's fields, checked."""

    collaboration: Name
    version: Annotated[int, Field(ge=1)]
    title: str
    expires: datetime.date
    minimum_size: Annotated[int, Field(ge=2)] = 50
    budget: _Budget
    parties: Annotated[dict[PartyId, _Party], Field(min_length=2, max_length=MOST_PARTIES)]
    datasets: Annotated[list[_Dataset], Field(min_length=2)]
    jobs: Annotated[list[_Job], Field(min_length=1)]


def parse(text: str, vocabulary: Vocabulary = DEFAULT_VOCABULARY) -> CollaborationFile:
    """Read the YAML text of a collaboration; its purposes are those of the vocabulary.

    Raises: InvalidCollaboration, naming each field that is wrong.
    """
    try:
        plain = yaml.safe_load(text)
        file = CollaborationFile.model_validate(plain)
    except yaml.YAMLError as e:
        mark = getattr(e, "problem_mark", None)
        where = f" near line {mark.line + 1}" if mark else ""
        raise InvalidCollaboration(f"the file is not YAML{where}") from e
    except ValidationError as e:
        wrong = "; ".join(
            f"{'.'.join(str(part) for part in error['loc']) or 'file'}: {error['msg']}"
            for error in e.errors(include_input=False, include_url=False)
        )
        raise InvalidCollaboration(wrong) from e
    _check_names(file, vocabulary)
    return file


def _check_names(file: CollaborationFile, vocabulary: Vocabulary) -> None:
    for job in file.jobs:
        if not vocabulary.has(job.purpose):
            raise InvalidCollaboration(f"jobs: the purpose {job.purpose} is not in the vocabulary")
    for party in [d.party for d in file.datasets] + [j.receiver for j in file.jobs]:
        if party not in file.parties:
            raise InvalidCollaboration(f"{party} is named but is not one of the parties")
    for job in file.jobs:
        if job.kind in REVEALING and not job.reveal:
            raise InvalidCollaboration(
                f"{job.kind} reveals to {job.receiver} which of its records match:"
                " say `reveal: true`"
            )


def to_record(file: CollaborationFile, members: dict[str, Member]) -> Collaboration:
    """Return what is signed: the file with each party's keys filled in.

    Raises: WrongKey if a stated fingerprint is not that of the party's keys;
    InvalidCollaboration.
    """
    for party, stated in file.parties.items():
        actual = members[party].public.fingerprint()
        if stated.fingerprint and stated.fingerprint.replace(" ", "") != actual.replace(" ", ""):
            raise WrongKey(f"the key of {party} has the fingerprint {actual}, not the stated one")
    try:
        rho = Rho.parse(file.budget.rho)
    except (InvalidParameter, ValueError) as e:
        raise InvalidCollaboration(f"budget.rho: {e}") from e
    default = PROTOCOL_OF_KIND if len(file.parties) == LEAST_MEMBERS else RING_OF_KIND
    end_of_day = datetime.datetime.combine(file.expires, datetime.time.max, datetime.UTC)
    return Collaboration(
        collaboration=file.collaboration,
        version=file.version,
        title=file.title,
        members=tuple(members[p] for p in sorted(file.parties)),
        datasets=tuple(
            DatasetOffer(d.party, d.dataset, tuple(d.identifiers), tuple(d.columns))
            for d in file.datasets
        ),
        permitted=tuple(
            Permitted(j.kind, j.protocol or default[j.kind], j.purpose, j.receiver, j.reveal)
            for j in file.jobs
        ),
        minimum_size=file.minimum_size,
        rho_nano_each=rho.nano,
        delta_exponent=file.budget.delta_exponent,
        expires_ms=int(end_of_day.timestamp() * 1000),
        budget_window=file.budget.window,
    )
