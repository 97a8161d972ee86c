"""How a size leaves a run: noisy, or withheld because the noisy size is below the minimum.

The noisy size alone decides. Deciding by the exact one would give an exact bit away with every
refusal. What is sent to a party is committed to in the run receipt, so that the receipt proves it
without saying it.
"""

import dataclasses
import hashlib
from dataclasses import dataclass
from typing import ClassVar

from protocols.codec import Record, decode, encode
from protocols.disclosure import check_minimum
from protocols.dp.count import NoisyCount, SizeRelease, noisy_count
from protocols.dp.count import release as release_size
from protocols.errors import ContextMismatch, SmallCohort
from protocols.job import JobDescription
from protocols.job_params import sensitivity
from protocols.lookalike.asked import Lookalike
from protocols.lookalike.card import ModelCard
from protocols.sums.records import Sums

NOISY_SIZE = "noisy-size"
WITHHELD = "withheld"
MEMBERS = "members"
STATISTICS = "statistics"
MODEL_METRICS = "model-metrics"
WORDS = "words"
FEDERATED_ROUND = "federated-round"
CHARGED = (NOISY_SIZE, MEMBERS, STATISTICS, MODEL_METRICS, WORDS, FEDERATED_ROUND)
"""What a budget is charged for; a withheld release has cost what it would have told."""


@dataclass(frozen=True, slots=True)
class Withheld(Record):
    """A size that is not told: the group, with noise, is smaller than was agreed."""

    KIND: ClassVar[str] = "withheld/1"
    to: str
    minimum: int
    rho_nano: int
    """Charged all the same: that it is small was learnt."""
    salt: bytes


@dataclass(frozen=True, slots=True)
class StatisticsRelease(Record):
    """The noisy sums that the receiver of a question has; the salt keeps the commitment from being
    guessed.
    """

    KIND: ClassVar[str] = "statistics-release/1"
    to: str
    rho_nano: int
    sums: Sums
    salt: bytes
    """32 random bytes."""


@dataclass(frozen=True, slots=True)
class StatisticsGiven(Record):
    """What the sender is told of them: that they were given, and what stands for them."""

    KIND: ClassVar[str] = "statistics-given/1"
    to: str
    """The receiver."""
    rho_nano: int
    commitment: bytes
    """32 bytes: SHA-256 of the encoded `StatisticsRelease`."""


@dataclass(frozen=True, slots=True)
class ModelRelease(Record):
    """What the party with the seeds is told of the model that was made of them."""

    KIND: ClassVar[str] = "model-release/1"
    to: str
    """The sender."""
    rho_nano: int
    card: ModelCard
    model: bytes
    """32 bytes: SHA-256 of 32 random bytes and the encoded model, which stays with its maker."""
    salt: bytes
    """32 random bytes."""


SizeOutcome = SizeRelease | Withheld
Told = SizeOutcome | StatisticsGiven | ModelRelease
_KIND_TOLD = {"insight": StatisticsGiven, "lookalike": ModelRelease}
"""Of the kinds that tell something else than a size."""


def read_told(data: bytes) -> Told:
    """Read what the receiver says at the end of a job. Raises: MalformedMessage."""
    told = decode((SizeRelease, Withheld, StatisticsGiven, ModelRelease), data)
    assert isinstance(told, SizeRelease | Withheld | StatisticsGiven | ModelRelease)
    return told


def given(release: StatisticsRelease) -> StatisticsGiven:
    """Return what the sender is told of the sums that the receiver has."""
    stands_for_it = hashlib.sha256(encode(release)).digest()
    return StatisticsGiven(release.to, release.rho_nano, stands_for_it)


def draw(count: int, job: JobDescription, dummies: int = 0) -> NoisyCount | None:
    """Draw the noisy size of a job's output, once; None if it is below the job's minimum.

    The caller has charged the job's price, durably, before. Raises: InvalidParameter.
    """
    noisy = noisy_count(count, job.rho_nano, sensitivity(job), dummies)
    try:
        check_minimum(noisy.value, job.minimum_size)
    except SmallCohort:
        return None
    return noisy


def outcome(noisy: NoisyCount | None, job: JobDescription, to: str, salt: bytes) -> SizeOutcome:
    """Return what the party `to` is told; `salt` has 32 bytes."""
    if noisy is None:
        return Withheld(to, job.minimum_size, job.rho_nano, salt)
    released, _ = release_size(to, NOISY_SIZE, noisy, salt)
    return released


def made_out(told: SizeOutcome, to: str) -> SizeOutcome:
    """Return the same outcome as it is told to the party `to`."""
    return dataclasses.replace(told, to=to)


def check(told: Told, job: JobDescription, to: str, dummies: int = 0) -> None:
    """Check that what the other side told is what the job says it may tell.

    Raises: ContextMismatch.
    """
    if not isinstance(told, _KIND_TOLD.get(job.kind, SizeOutcome)):
        raise ContextMismatch("another kind of release was agreed")
    if isinstance(told, ModelRelease):
        _check_model(told, job, to)
        return
    if isinstance(told, StatisticsGiven):
        stated = (told.to, told.rho_nano, len(told.commitment))
        if stated != (job.receiver, job.rho_nano, hashlib.sha256().digest_size):
            raise ContextMismatch("the statistics have another price or recipient than was agreed")
        return
    if told.to != to:
        raise ContextMismatch("the release is made out to another party")
    if isinstance(told, Withheld):
        if (told.minimum, told.rho_nano) != (job.minimum_size, job.rho_nano):
            raise ContextMismatch("the release was withheld by other terms")
    elif told.noisy.rho_nano != job.rho_nano or told.noisy.value < job.minimum_size:
        raise ContextMismatch("the release has another price or is below the minimum")
    elif told.noisy.dummies != dummies:
        raise ContextMismatch("the release states other noise than was agreed")


def _check_model(told: ModelRelease, job: JobDescription, to: str) -> None:
    """Check that a model is the one that was asked for, as far as its card says. Raises:
    ContextMismatch.
    """
    asked, card = decode(Lookalike, job.question), told.card
    if (told.to, told.rho_nano, len(told.model)) != (to, job.rho_nano, 32):
        raise ContextMismatch("the model has another price or recipient than was agreed")
    said = (card.purpose, card.brand, card.partner, card.features, card.seeds_step, card.rho_nano)
    meant = (job.purpose, to, job.receiver, asked.features, asked.step, job.rho_nano)
    if said != meant:
        raise ContextMismatch("the model's card is of another model than was asked for")


def commitment(told: SizeOutcome | ModelRelease) -> bytes:
    """Return the 32 bytes that stand for it in the run receipt."""
    return hashlib.sha256(encode(told)).digest()


def what(told: SizeOutcome) -> str:
    """Return `noisy-size` or `withheld`."""
    return WITHHELD if isinstance(told, Withheld) else NOISY_SIZE
