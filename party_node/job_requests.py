"""What an analyst asks for, and what it becomes under an agreement: clause, parameters, price."""

import dataclasses
from dataclasses import dataclass

from party_node import sum_costs
from party_node.errors import JobRefused
from party_node.job_kinds import ASKING
from protocols import registry
from protocols.collaboration import Collaboration, Permitted
from protocols.errors import InvalidParameter
from protocols.federated.asked import Federated
from protocols.job import JobDescription
from protocols.job_params import kind_of_params, params_of
from protocols.joint import asked_again
from protocols.joint.asked import Joint
from protocols.joint.asked_again import JointAgain
from protocols.lookalike.asked import Lookalike
from protocols.psi.params import MatchingParams, RowParams
from protocols.question import Asked, cost_of, params_fitting
from protocols.registry import RINGS
from protocols.sums.alignment_params import AlignedParams


@dataclass(frozen=True, slots=True)
class Request:
    """What an analyst asks for; empty fields take what the collaboration says."""

    collaboration: str
    kind: str
    purpose: str = ""
    identifiers: tuple[str, ...] = ("email",)
    """Types to match on, in order."""
    minimum_size: int = 0
    rho_nano: int = 5_000_000
    per_person: int = 0
    """How many identifiers one person brings at most to a count; 0: as many as there are types."""
    question: Asked | None = None
    """What is asked beside the match; its price is the job's."""
    route: str = ""
    """How a question is added up, `bfv` or `cot`; empty for whichever is sooner done."""
    bandwidth_mbit: int = 100
    """How fast the line is, to choose a route by."""
    dataset: str = ""
    """What the asker of a question about people in common brings; empty for the first one that it
    offers for matching by these identifiers.
    """


@dataclass(frozen=True, slots=True)
class Draft:
    """A job that is complete but for its route, which hangs on about how many people it is."""

    job: JobDescription
    """By the first of its routes."""
    routes: tuple[str, ...]
    """Protocols that could answer it, one at least."""
    bandwidth_mbit: int

    def for_people(self, people: int) -> JobDescription:
        """Return the job by the route that is sooner done over this line.

        `people` is about how many of the asker's own people may be brought, because nobody knows
        before how many the other side has.
        """
        if len(self.routes) == 1:
            return self.job
        asked = params_of(self.job)
        assert isinstance(asked, AlignedParams)
        took = {
            protocol: sum_costs.seconds(
                sum_costs.route_of(protocol), asked, people, self.bandwidth_mbit
            )
            for protocol in self.routes
        }
        return dataclasses.replace(self.job, protocol=min(self.routes, key=lambda p: took[p]))


def clauses(agreed: Collaboration, request: Request) -> tuple[Permitted, ...]:
    """Return the clause that a request falls under; of a question one for each route that can add
    it up.

    Raises: JobRefused; UnknownProtocol if the agreement names protocols of another version only.
    """
    fitting = [
        p for p in agreed.permitted
        if p.kind == request.kind and request.purpose in ("", p.purpose)
    ]  # fmt: skip
    if isinstance(request.question, JointAgain) and fitting:
        if request.route:
            raise JobRefused("scores by an earlier model are not added up: there is no route")
        # Nothing is added up.
        return (dataclasses.replace(fitting[0], protocol=asked_again.PROTOCOL),)
    if fitting:
        fitting = _run_here(fitting)
    if request.route:
        fitting = [p for p in fitting if f"-{request.route}/" in p.protocol]
    if not fitting:
        raise JobRefused(f"{agreed.collaboration} has no {request.kind} for that purpose")
    if request.question is None or isinstance(request.question, Federated):
        return (fitting[0],)
    least = max(agreed.minimum_size, request.minimum_size)
    return _able(fitting, params_fitting(request.question, least))


def _run_here(fitting: list[Permitted]) -> list[Permitted]:
    """Return the clauses whose protocols this version runs, one at least. Raises: UnknownProtocol.

    Collaborations outlive versions.
    """
    found = [p for p in fitting if registry.runs(p.protocol)]
    if not found:
        registry.params_of(fitting[0].protocol)  # which says what this version runs
    return found


def _able(fitting: list[Permitted], asked: MatchingParams) -> tuple[Permitted, ...]:
    """Return the clauses, for the same purpose and receiver, whose route can add this up."""
    assert isinstance(asked, AlignedParams)
    able, why = [], ""
    for one in fitting:
        if (one.purpose, one.receiver) != (fitting[0].purpose, fitting[0].receiver):
            continue
        try:
            sum_costs.check_room(one.protocol, asked)
        except InvalidParameter as e:
            why = str(e)
            continue
        able.append(one)
    if not able:
        raise JobRefused(f"the question cannot be added up: {why}")
    return tuple(able)


def params(protocol: str, request: Request, least: int) -> MatchingParams:
    """Return the parameters of a job: room for as many people, whatever each may bring.

    Raises: JobRefused.
    """
    if (request.question is None) == (request.kind in ASKING):
        raise JobRefused(f"{request.kind} asks {'a' if request.kind in ASKING else 'no'} question")
    if request.question is not None:
        if request.per_person > 1:
            raise JobRefused("a person brings one identifier to a question")
        return params_fitting(request.question, least)
    kind = kind_of_params(protocol)
    if request.per_person and not issubclass(kind, RowParams):
        raise JobRefused(f"a person brings all identifiers to {request.kind}")
    made = kind.for_job(len(request.identifiers), request.per_person)
    return made.strictly() if protocol in RINGS else made


def price(request: Request, least: int) -> int:
    """Return what a job costs, in billionths of a rho: what is offered, or what is asked for."""
    question = request.question
    return request.rho_nano if question is None else cost_of(question, least)


def brought(agreed: Collaboration, sender: str, request: Request) -> str:
    """Return the dataset that a sender brings: that of the question, if there is one.

    Raises: JobRefused.
    """
    match request.question:
        case None:
            return dataset_of(agreed, sender, request.identifiers)
        case Lookalike(seeds_dataset=dataset):
            return dataset
        case Joint(theirs_dataset=dataset) | JointAgain(theirs_dataset=dataset):
            return dataset
        case Federated():
            return with_columns(agreed, sender, request.question)
        case question:
            return question.query.dataset


def received(agreed: Collaboration, receiver: str, request: Request) -> str:
    """Return the dataset that the receiver brings. Raises: JobRefused."""
    match request.question:
        case Lookalike(population=dataset):
            return dataset
        case Joint(ours_dataset=dataset) | JointAgain(ours_dataset=dataset):
            return dataset
        case Federated():
            return with_columns(agreed, receiver, request.question)
    return request.dataset or dataset_of(agreed, receiver, request.identifiers)


def with_columns(agreed: Collaboration, party: str, asked: Federated) -> str:
    """Return the first dataset that a party offers with all columns of a training.

    Raises: JobRefused.
    """
    for offer in agreed.datasets:
        if offer.party == party and asked.columns <= set(offer.columns):
            return offer.dataset
    offered = {
        column for offer in agreed.datasets if offer.party == party for column in offer.columns
    }
    lacking = ", ".join(sorted(asked.columns - offered)) or "these together"
    raise JobRefused(f"{party} offers no dataset with all columns of the question: {lacking}")


def dataset_of(agreed: Collaboration, party: str, identifiers: tuple[str, ...]) -> str:
    """Return the dataset that a party offers for matching by these. Raises: JobRefused."""
    for offer in agreed.datasets:
        if offer.party == party and set(identifiers) <= set(offer.identifiers):
            return offer.dataset
    raise JobRefused(f"{party} offers no dataset for matching by {' and '.join(identifiers)}")
