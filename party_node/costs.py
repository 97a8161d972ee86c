"""What a run will take on this machine: a model for each protocol, from both sizes.

A model is arithmetic on the sizes and on how fast this machine is, which is measured once in a
process. It covers the protocol itself, for one side: CPU-seconds on however many cores, peak
memory of the node, bytes sent and received. The wall time adds what every job takes beside it.
"""

import functools
import os
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from types import MappingProxyType

import numpy as np

from party_node import sum_costs
from protocols.codec import Record
from protocols.federated.asked import FederatedParams
from protocols.federated.terms import MOST_PAIRED
from protocols.groups import Points, choose_backend, evaluate, hash_to_group
from protocols.joint.records import JointAgainParams, JointParams
from protocols.lookalike.records import LookalikeParams
from protocols.ot import base, matrix
from protocols.psi import cuckoo, okvs
from protocols.psi.buckets import Plan
from protocols.psi.params import OtParams
from protocols.session import Role
from protocols.sums.alignment_params import AlignedParams, JoinSumParams

BASE_MEMORY_MIB = 230
"""A node that carries a run of a handful of people."""
BYTES_PER_PERSON = 250
"""Of a permitted person while identifiers are read."""
JOB_SECONDS = 2
"""The rest of a job: pre-flight, permission, witnesses, receipt."""
JOB_SECONDS_PER_PERSON = 10e-6
"""Permission and reading identifiers, on one core, before the protocol begins."""
CPU_SECONDS_PER_ROW = 1.2e-6
"""Shuffling, sealing, storing, sending, receiving and joining, for a row of either set."""
MESSAGE_BYTES = 1_370
"""Of an envelope beside its bulk."""
_MIB = 2**20
_MEASURED, _MEASURED_STRICT = 2_048, 128


@dataclass(frozen=True, slots=True)
class Speed:
    """How fast this machine is; CPU-seconds for each item, on one core."""

    blinding: float
    hashing: float
    strict_hashing: float
    cores: int


@dataclass(frozen=True, slots=True)
class Sizes:
    """Rows of all sides, and which side is meant."""

    own: int
    peer: int
    """Of the other side; of three or more parties, of each other one."""
    role: Role
    parties: int = 2

    @property
    def receiver(self) -> int:
        """Rows of the side that speaks first."""
        return self.own if self.role is Role.INITIATOR else self.peer

    @property
    def sender(self) -> int:
        """Rows of the other side."""
        return self.peer if self.role is Role.INITIATOR else self.own


@dataclass(frozen=True, slots=True)
class Cost:
    """What one side of the protocol takes."""

    cpu_seconds: float
    memory_bytes: int
    """Beyond what the node has anyway."""
    traffic_bytes: int
    """Sent and received together."""


@dataclass(frozen=True, slots=True)
class Estimate:
    """What a run takes at this side, for people to read."""

    seconds: int
    """Wall time if this side's cores have nothing else to do and the other side keeps up."""
    memory_mib: int
    traffic_kib: int


Model = Callable[[Sizes, Record, Speed], Cost]


def psi_dh(sizes: Sizes, params: Record, speed: Speed) -> Cost:
    """Each side multiplies every row of both sets; points have 32 bytes, and tags come back."""
    strict = getattr(params, "strict", True)
    tag_bytes, chunk_items = getattr(params, "tag_bytes", 12), getattr(params, "chunk_items", 2**15)
    both = sizes.own + sizes.peer
    hashing = speed.strict_hashing if strict else speed.hashing
    chunks = -(-sizes.own // chunk_items) + -(-sizes.peer // chunk_items)
    answers = -(-sizes.receiver // chunk_items)
    joined = _JOINED_BYTES * both if sizes.role is Role.INITIATOR else 0
    in_hand = _CHUNK_BYTES * min(chunk_items, max(sizes.own, sizes.peer))
    return Cost(
        cpu_seconds=both * (speed.blinding + CPU_SECONDS_PER_ROW) + sizes.own * hashing,
        memory_bytes=max(_OWN_BYTES * sizes.own, joined) + in_hand,
        traffic_bytes=32 * both
        + tag_bytes * sizes.receiver
        + MESSAGE_BYTES * (chunks + answers + 3),
    )


_OWN_BYTES = 76
"""Of an own row while the input is put in its secret order: digests twice, keys, order."""
_JOINED_BYTES = 60
"""Of a row of either set in the final join."""
_CHUNK_BYTES = 350
"""Of a row of the chunk in hand: points, products, the message and its sealed copies."""


def psi_ot(sizes: Sizes, params: Record, speed: Speed) -> Cost:
    """The receiver's bins go to the sender as rows of a matrix, three values of each of the
    sender's items come back; both are cut into buckets, which bound memory.
    """
    assert isinstance(params, OtParams)
    plan = Plan.of(sizes.receiver, sizes.sender, params.bucket_items)
    bins, places = plan.buckets * plan.bins, plan.buckets * plan.sender_room
    value_bytes = params.tag_bytes + params.label_bytes
    messages = plan.buckets * (
        1 + -(-plan.bins // params.chunk_rows) + -(-plan.sender_room // params.chunk_items)
    )
    receiving = sizes.role is Role.INITIATOR
    by_bin, by_place = _OT_RECEIVER_SECONDS if receiving else _OT_SENDER_SECONDS
    of_bin, of_place = _OT_RECEIVER_BYTES if receiving else _OT_SENDER_BYTES
    in_hand = of_bin * plan.bins + of_place * plan.sender_room
    return Cost(
        cpu_seconds=_OT_FIXED_SECONDS + bins * by_bin + places * by_place,
        memory_bytes=max(_OT_ITEM_BYTES * sizes.own, in_hand),
        traffic_bytes=_OT_OPENING_BYTES
        + matrix.ROW_BYTES * bins
        + cuckoo.HASHES * value_bytes * places
        + MESSAGE_BYTES * (messages + 3),
    )


_OT_FIXED_SECONDS = 0.12
"""Of the 448 base transfers, on each side."""
_OT_RECEIVER_SECONDS = (1.5e-6, 0.8e-6)
"""Of a bin and of a place for an item of the sender: with sealing, storing, sending."""
_OT_SENDER_SECONDS = (0.6e-6, 1.5e-6)
_OT_OPENING_BYTES = base.POINT_BYTES * (matrix.COLUMNS + 1)
_OT_ITEM_BYTES = 60
"""Of an own item while the input is cut into buckets."""
_OT_RECEIVER_BYTES, _OT_SENDER_BYTES = (65, 115), (0, 235)
"""Of a bin and of a place in the bucket in hand."""


def psi_dh_prepared(sizes: Sizes, params: Record, speed: Speed) -> Cost:
    """A first run, in which the sender evaluates its set and the receiver fetches it whole; later
    ones take the receiver's part of it and what has changed.
    """
    tag_bytes, chunk_items = getattr(params, "tag_bytes", 12), getattr(params, "chunk_items", 2**15)
    asked = sizes.receiver * (1 + _DECOYS)
    blindings = 5 * asked if sizes.role is Role.INITIATOR else sizes.own + 2 * asked
    chunks = -(-sizes.sender // chunk_items) + 2 * -(-sizes.receiver // chunk_items)
    return Cost(
        cpu_seconds=blindings * speed.blinding
        + (sizes.own + sizes.peer) * CPU_SECONDS_PER_ROW
        + sizes.own * speed.hashing,
        memory_bytes=_OWN_BYTES * sizes.own + _JOINED_BYTES * sizes.sender,
        traffic_bytes=round(64 * asked) + tag_bytes * sizes.sender + MESSAGE_BYTES * (chunks + 4),
    )


def psi_ring(sizes: Sizes, params: Record, speed: Speed) -> Cost:
    """Each sender multiplies every list once, and its own twice; the receiver multiplies its own
    twice, and gets every sender's table.
    """
    tag_bytes, chunk_items = getattr(params, "tag_bytes", 12), getattr(params, "chunk_items", 2**15)
    others, receiving = sizes.parties - 1, sizes.role is Role.INITIATOR
    passed = 0 if receiving else others
    rows = 3 * okvs.third(sizes.peer if receiving else sizes.own)
    tables = others if receiving else 1
    lists = 2 * (-(-sizes.own // chunk_items) + passed * -(-sizes.peer // chunk_items))
    messages = lists + tables * -(-rows // chunk_items) + 3 * others
    largest = max(sizes.own, sizes.peer)
    return Cost(
        cpu_seconds=(2 * sizes.own + passed * sizes.peer) * (speed.blinding + CPU_SECONDS_PER_ROW)
        + sizes.own * speed.strict_hashing
        + tables * rows * _RING_TABLE_SECONDS,
        memory_bytes=_OWN_BYTES * sizes.own
        + _RING_TABLE_BYTES * largest
        + _CHUNK_BYTES * min(chunk_items, largest),
        traffic_bytes=64 * (sizes.own + passed * sizes.peer)
        + tables * rows * tag_bytes
        + MESSAGE_BYTES * messages,
    )


_RING_TABLE_SECONDS = 3e-6
"""Of a row of a table: names, shares, and finding or looking up where they lie."""
_RING_TABLE_BYTES = 250
"""Of an item while its table is made or looked up."""

_DECOYS = 0.08
"""Points more than items, so that as many are on the curve as on its twist."""


def sums_join(route: str, sizes: Sizes, params: Record, speed: Speed) -> Cost:
    """A blinded join, as much work as `psi_dh`, and then the sum over the sender's rows."""
    assert isinstance(params, JoinSumParams)
    join = psi_dh(sizes, params.first, speed)
    return _with_sums(join, route, params, sizes.sender // params.per_person, sizes.role)


def lookalike(route: str, sizes: Sizes, params: Record, speed: Speed) -> Cost:
    """A blinded join, three sums, and at the side with the population all that makes a model."""
    assert isinstance(params, LookalikeParams)
    join = psi_dh(sizes, params.join, speed)
    found = _with_sums(join, route, params, sizes.sender, sizes.role)
    learning = 0.0 if sizes.role is Role.INITIATOR else sizes.own * _LEARNING_SECONDS
    return replace(found, cpu_seconds=found.cpu_seconds + learning)


_LEARNING_SECONDS = 30e-6
"""Of a row of the population with a hundred features: encoding, columns, scores."""


def joint(route: str, sizes: Sizes, params: Record, speed: Speed) -> Cost:
    """A matching with labels, a look, two sums, and a hidden score for each row of the sender."""
    assert isinstance(params, JointParams)
    match = psi_ot(sizes, params.matching, speed)
    found = _with_sums(match, route, params, sizes.sender, sizes.role)
    return replace(found, traffic_bytes=found.traffic_bytes + 4 * sizes.sender)


def _with_sums(matching: Cost, route: str, params: AlignedParams, rows: int, role: Role) -> Cost:
    """Return what a matching costs one side, and after it all sums over so many rows."""
    sums = [sum_costs.sum_cost(route, added, rows) for added in sum_costs.sums_of(params)]
    return Cost(
        cpu_seconds=matching.cpu_seconds + sum(cost.cpu_seconds(role) for cost in sums),
        memory_bytes=max(matching.memory_bytes, *(cost.memory_bytes for cost in sums)),
        traffic_bytes=matching.traffic_bytes + sum(cost.traffic_bytes for cost in sums),
    )


def joint_again(sizes: Sizes, params: Record, speed: Speed) -> Cost:
    """A matching with labels, and a hidden score for each row of the sender."""
    assert isinstance(params, JointAgainParams)
    match = psi_ot(sizes, params.first, speed)
    return Cost(
        cpu_seconds=match.cpu_seconds + sizes.sender * params.second.columns * _WEIGHING_SECONDS,
        memory_bytes=match.memory_bytes,
        traffic_bytes=match.traffic_bytes + 4 * sizes.sender,
    )


_WEIGHING_SECONDS = 2e-9
"""Of a column of a row whose weighted sum is taken."""


def federated(sizes: Sizes, params: Record, speed: Speed) -> Cost:
    """Each round reads the rows and adds them up; the first one by pairs of features as well."""
    assert isinstance(params, FederatedParams)
    features, columns = 1 + len(params.one_hot), 1 + sum(params.one_hot)
    pairs = columns**2 // 2 if columns <= MOST_PAIRED else 0
    rounds = params.rounds * (4 * features * sizes.own * _CELL_SECONDS + _ROUND_SECONDS)
    return Cost(
        cpu_seconds=rounds + features**2 * sizes.own * _CELL_SECONDS + pairs * _DRAW_SECONDS,
        memory_bytes=sizes.own * 8 * (features + 6) + 64 * pairs + _FLOWER_BYTES,
        traffic_bytes=params.rounds * (32 * columns + _ROUND_BYTES * sizes.parties) + 8 * pairs,
    )


_CELL_SECONDS, _DRAW_SECONDS = 2e-8, 1.3e-5
"""Of a person's feature, or pair of features, that is added up; of a number's noise."""
_ROUND_SECONDS = 2.0
"""What Flower's processes take at one side in a round."""
_FLOWER_BYTES = 215 * 2**20
_ROUND_BYTES = 8_192

MODELS: Mapping[str, Model] = MappingProxyType(
    {
        "psi-dh-members": psi_dh,
        "psi-dh-cardinality": psi_dh,
        "psi-dh-prepared": psi_dh_prepared,
        "psi-ring-members": psi_ring,
        "psi-ring-cardinality": psi_ring,
        "psi-ot-members": psi_ot,
        "psi-ot-labelled": psi_ot,
        "sums-join-bfv": partial(sums_join, sum_costs.BFV),
        "sums-join-cot": partial(sums_join, sum_costs.COT),
        "lookalike-bfv": partial(lookalike, sum_costs.BFV),
        "lookalike-cot": partial(lookalike, sum_costs.COT),
        "joint-bfv": partial(joint, sum_costs.BFV),
        "joint-cot": partial(joint, sum_costs.COT),
        "joint-again": joint_again,
        "federated-ridge": federated,
    }
)
"""By registered name without its version. A protocol that is not here is taken for `psi-dh`, which
is the slowest of the family: an estimate that is too high, rather than none."""


def cost(protocol: str, sizes: Sizes, params: Record, speed: Speed) -> Cost:
    """Return what one side of a protocol takes; an unknown one is taken for the slowest."""
    return MODELS.get(protocol.partition("/")[0], psi_dh)(sizes, params, speed)


def estimate(protocol: str, sizes: Sizes, params: Record, speed: Speed, people: int) -> Estimate:
    """Return what a whole job takes at one side, which has so many `people` in it."""
    found = cost(protocol, sizes, params, speed)
    seconds = JOB_SECONDS + people * JOB_SECONDS_PER_PERSON + found.cpu_seconds / speed.cores
    memory_bytes = people * BYTES_PER_PERSON + found.memory_bytes
    return Estimate(
        seconds=round(seconds),
        memory_mib=BASE_MEMORY_MIB + memory_bytes // _MIB,
        traffic_kib=-(-found.traffic_bytes // 1024),
    )


@functools.cache
def speed_of(preference: str) -> Speed:
    """Measure this machine, once in a process: a tenth of a second, or less."""
    backend, secret = choose_backend(preference), os.urandom(32)
    points, few = _some_points(_MEASURED), _some_points(_MEASURED_STRICT)
    evaluate(secret, points[:64], backend=backend)  # what is done once does not count
    return Speed(
        blinding=_cpu(lambda: evaluate(secret, points, backend=backend)) / _MEASURED,
        hashing=_cpu(lambda: hash_to_group(secret, points)) / _MEASURED,
        strict_hashing=_cpu(lambda: hash_to_group(secret, few, strict=True)) / _MEASURED_STRICT,
        cores=_cores(),
    )


def _cpu(work: Callable[[], object]) -> float:
    """Return CPU-seconds: neighbours on the machine change wall time, and these much less."""
    began = time.process_time()
    work()
    return time.process_time() - began


def _some_points(count: int) -> Points:
    return hash_to_group(bytes(32), np.frombuffer(os.urandom(32 * count), "u1").reshape(-1, 32))


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
