"""Everything that a running party node consists of, put together once, in one place."""

import secrets
from dataclasses import dataclass
from functools import partial

from consent.note import parse_vkey
from consent.vocabulary import Vocabulary
from party_node.aftermath.parts import Aftermath, assemble_aftermath, gate_alarm, ledger_alarm
from party_node.aftermath.publisher import EVERY_SECONDS, Publisher
from party_node.aftermath.steward import Steward, Turn
from party_node.answers import Answers
from party_node.approvals import Rules
from party_node.budgets import Budgets
from party_node.capture.imports import Imports
from party_node.capture.signals import complete_signals
from party_node.clock import Clock, system_clock
from party_node.collaborations import Collaborations
from party_node.contact.deciding import Contacts
from party_node.contact.reservations import Reservations
from party_node.coordinator_client import CoordinatorClient
from party_node.database import Database
from party_node.datasets import Datasets
from party_node.emergencies import Emergencies
from party_node.erasure.holds import Holds
from party_node.errors import NotEnrolled
from party_node.federated.keeping import Keeper
from party_node.federated.kept import trained_in
from party_node.federated.trainings import Trainings, nothing_learnt
from party_node.gate import Gate
from party_node.grouped_writes import GroupedWrites
from party_node.home import Home
from party_node.identity import Identity
from party_node.jobs import Jobs
from party_node.joint.scores import JointScores, scores_in
from party_node.joint.scores import forget as forget_scores
from party_node.joint.sides import Side, sides_in
from party_node.ledger import trust_policy
from party_node.ledger.checking import Checking
from party_node.ledger.consent_ledger import ConsentLedger
from party_node.ledger.consent_receipts import ConsentReceipts
from party_node.ledger.policy_changes import PolicyChanges
from party_node.ledger.publishing import Publishing
from party_node.ledger.witness_memory import OnAlarm, WitnessMemory
from party_node.ledger.witness_ways import ways
from party_node.ledger.witnessing import Witnessing
from party_node.lineages import Lineages
from party_node.lookalike.models import MadeModel, models_in
from party_node.mail import Mails
from party_node.merging import Merging
from party_node.prepared.kept_sets import KeptSets
from party_node.repeats import Repeats
from party_node.requests.fulfilling import Fulfilling
from party_node.requests.requests import Requests
from party_node.roles.roles import Roles
from party_node.runs import Runs
from party_node.sealed_files import SealedFiles
from party_node.second_approvals import SecondApprovals
from party_node.stamps import Stamps
from party_node.vault import Vault
from party_node.webhooks.parts import Webhooks, assemble_webhooks
from protocols.collaboration_terms import ledger_origin
from protocols.federated.release import TrainedModel
from protocols.session import Rng


@dataclass(frozen=True, slots=True)
class Services:
    """The parts of one node; each is safe to use from several threads."""

    home: Home
    db: Database
    vault: Vault
    models: SealedFiles[MadeModel]
    scores: SealedFiles[JointScores]
    sides: SealedFiles[Side]
    trained: SealedFiles[TrainedModel]
    trainings: Trainings
    supernode: Keeper
    identity: Identity
    datasets: Datasets
    ledger: ConsentLedger
    imports: Imports
    gate: Gate
    budgets: Budgets
    answers: Answers
    second_approvals: SecondApprovals
    repeats: Repeats
    client: CoordinatorClient
    witnessing: Witnessing
    checking: Checking
    publishing: Publishing
    consent_receipts: ConsentReceipts
    collaborations: Collaborations
    rules: Rules
    runs: Runs
    mails: Mails
    jobs: Jobs
    writes: GroupedWrites
    reservations: Reservations
    contacts: Contacts
    aftermath: Aftermath
    publisher: Steward
    merging: Merging
    webhooks: Webhooks
    roles: Roles
    holds: Holds
    requests: Requests
    emergencies: Emergencies
    kept_sets: KeptSets
    clock_ms: Clock
    rng: Rng

    @property
    def vocabulary(self) -> Vocabulary:
        """What is decided by just now; it changes when an operator changes the policy."""
        return self.ledger.vocabulary


def assemble(
    home: Home, db: Database, clock_ms: Clock = system_clock, rng: Rng = secrets.token_bytes
) -> Services:
    """Put a node together over an opened home and a migrated database.

    Raises: NotEnrolled if the home has no coordinator yet; PolicyUnusable.
    """
    if not home.settings.coordinator_url:
        raise NotEnrolled
    keys = home.keys
    vault = Vault(home.kek, rng)
    Stamps(vault).guard(db)
    identity = Identity(db, vault, rng)
    datasets = Datasets(db, home, identity, clock_ms)
    datasets.clear_away()
    repeats = Repeats(db, vault, home.settings.least_change)
    datasets.on_identified.append(repeats.come)
    lineages = Lineages(vault, clock_ms)
    datasets.on_registered.append(lineages.join)
    kept_sets = KeptSets(home, vault, datasets, clock_ms, rng)
    kept_sets.clear_away()
    ledger = ConsentLedger(
        db,
        vault,
        ledger_origin(keys.party),
        home.ledger_seed,
        clock_ms,
        rng,
        controller=keys.party,
    )
    ledger.open()
    complete_signals(ledger, identity)
    client = CoordinatorClient(
        home.settings.coordinator_url, keys, clock_ms, authority=home.authority
    )
    trainings = Trainings(home.federated, vault, keys, nothing_learnt, rng)
    collaborations = Collaborations(db, client, keys, clock_ms, lambda: ledger.vocabulary)
    runs = Runs(db, vault, home)
    writes, reservations = GroupedWrites(db), Reservations(vault, rng)
    webhooks = assemble_webhooks(db, vault, rng, home.settings.webhook_allowed_networks)
    alarm = gate_alarm(db, webhooks.outbox, clock_ms)
    gate = Gate(ledger, datasets, identity, clock_ms, rng, alarm)
    witnessing = _witnessing(
        home, ledger, client, clock_ms, ledger_alarm(webhooks.outbox, clock_ms)
    )
    publisher = Publisher(ledger, witnessing, clock_ms)
    holds = Holds(ledger, rng)
    scores = scores_in(home.models, vault)
    aftermath = assemble_aftermath(
        ledger, identity, datasets, gate.decisions, reservations, webhooks.outbox, clock_ms, rng,
        holds, lineages, kept_sets.forget, partial(forget_scores, scores),
    )  # fmt: skip
    region = home.settings.default_region
    fulfilling = Fulfilling(ledger, identity, aftermath.erasing, region)
    return Services(
        home=home,
        db=db,
        vault=vault,
        models=models_in(home.models, vault),
        scores=scores,
        sides=sides_in(home.models, vault),
        trained=trained_in(home.models, vault),
        trainings=trainings,
        supernode=Keeper(
            home.federated, home.settings.coordinator_url, client, trainings, rng, home.authority
        ),
        identity=identity,
        datasets=datasets,
        ledger=ledger,
        gate=gate,
        imports=Imports(ledger, identity, home, clock_ms, rng),
        budgets=Budgets(db),
        answers=Answers(db, vault),
        second_approvals=SecondApprovals(ledger),
        repeats=repeats,
        client=client,
        witnessing=witnessing,
        checking=Checking(ledger, identity, witnessing, rng),
        publishing=Publishing(ledger, witnessing),
        consent_receipts=ConsentReceipts(
            ledger, identity, witnessing, home.settings.name, clock_ms
        ),
        collaborations=collaborations,
        rules=Rules(db, clock_ms),
        runs=runs,
        mails=Mails(client, runs),
        jobs=Jobs(db, client, collaborations, runs, keys, clock_ms),
        writes=writes,
        reservations=reservations,
        contacts=Contacts(ledger, reservations, writes, clock_ms),
        aftermath=aftermath,
        publisher=Steward([Turn("publish", EVERY_SECONDS, publisher.publish)], "publisher"),
        merging=Merging(ledger, identity, datasets),
        webhooks=webhooks,
        roles=Roles(ledger, holds, rng),
        holds=holds,
        requests=Requests(ledger, identity, fulfilling, rng),
        emergencies=Emergencies(ledger, rng),
        kept_sets=kept_sets,
        clock_ms=clock_ms,
        rng=rng,
    )


def _witnessing(
    home: Home, ledger: ConsentLedger, client: CoordinatorClient, clock_ms: Clock, alarm: OnAlarm
) -> Witnessing:
    coordinator = home.coordinator_witness
    log, url = parse_vkey(ledger.vkey), home.settings.coordinator_url
    changes = PolicyChanges(ledger, home.path)
    changes.finish()
    trust = trust_policy.load(home.path, log, coordinator, url)
    changes.compare(trust, trust_policy.first(log, coordinator, url))
    return Witnessing(
        ledger,
        WitnessMemory(ledger.database, clock_ms, alarm),
        trust,
        ways(client, coordinator),
        changes.put_in_force,
    )
