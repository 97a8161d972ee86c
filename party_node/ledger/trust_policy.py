"""The node's trust policy: whose cosignatures a checkpoint of its ledger needs to be published.

    log accord/brand/consent+1c6d…+AQ…
    witness coordinator hub.example/witness+8d66…+BA…
    witness auditor auditor.example/w1+5a01…+Bg… https://auditor.example/witness
    group both all coordinator auditor
    quorum both

A C2SP tlog-policy file, `policy.txt` in the node's home. It lists this node's ledger and no other.
Every quorum must have the coordinator's witness in it: that cosignature is the one that the other
party of a run checks. Witnesses are added to it, never put in its place.
"""

import os
from dataclasses import dataclass
from pathlib import Path

from consent.errors import MalformedRecord
from consent.note import Verifier
from consent.policy import MAX_POLICY_BYTES, Policy, parse_policy, write_policy
from party_node.errors import PolicyUnusable
from party_node.ledger.witness_http import unusable_because

FILE = "policy.txt"
COORDINATOR = "coordinator"
"""Name of the coordinator's witness in a policy that this node writes itself."""
MOST_WITNESSES = 32
"""A note has room for 64 signatures."""


@dataclass(frozen=True, slots=True)
class TrustPolicy:
    """A policy that was checked; its text is kept as the operator wrote it."""

    text: str
    policy: Policy
    coordinator: str
    """Name of the coordinator's witness in it."""


def check(data: bytes | str, log: Verifier, coordinator: Verifier) -> TrustPolicy:
    """Read a policy for the ledger whose key is `log`.

    Raises: PolicyUnusable if it is none, or does not promise what others rely on.
    """
    text = _text(data)
    try:
        policy = parse_policy(text)
    except MalformedRecord as e:
        raise PolicyUnusable(f"it cannot be read: {e}") from e
    if log not in policy.logs:
        raise PolicyUnusable("it does not list this ledger", hint=f"add the line: log {log.vkey}")
    if policy.logs != (log,):
        raise PolicyUnusable("it lists other ledgers than this node's")
    if len(policy.witnesses) > MOST_WITNESSES:
        raise PolicyUnusable(f"it lists more than {MOST_WITNESSES} witnesses")
    name = next((n for n, key in policy.witnesses.items() if key == coordinator), None)
    if name is None:
        raise PolicyUnusable(
            "it does not list the coordinator's witness, whose cosignature the other party checks",
            hint=f"add the line: witness {COORDINATOR} {coordinator.vkey}",
        )
    if not policy.requires(name):
        raise PolicyUnusable(
            f"its quorum can be reached without {name}, whose cosignature the other party checks",
            hint=f"make a group of your witnesses, then: group quorum all {name} THAT-GROUP",
        )
    _check_ways(policy, name)
    return TrustPolicy(text, policy, name)


def first(log: Verifier, coordinator: Verifier, coordinator_url: str) -> TrustPolicy:
    """Return the policy of a node that has only its coordinator's witness."""
    url = f"{coordinator_url.rstrip('/')}/witness"
    urls = {} if unusable_because(url) else {COORDINATOR: url}
    return check(write_policy([log], {COORDINATOR: coordinator}, 1, urls), log, coordinator)


def load(home: Path, log: Verifier, coordinator: Verifier, coordinator_url: str) -> TrustPolicy:
    """Read the policy of a home; one without the file has the first.

    Raises: PolicyUnusable.
    """
    try:
        data = (home / FILE).read_bytes()
    except FileNotFoundError:
        return first(log, coordinator, coordinator_url)
    except OSError as e:
        raise PolicyUnusable(f"{home / FILE} cannot be read") from e
    try:
        return check(data, log, coordinator)
    except PolicyUnusable as e:
        raise PolicyUnusable(f"{home / FILE}: {e}", hint=e.hint) from e


def store(home: Path, trust: TrustPolicy) -> None:
    """Write the policy so that a crash leaves the old one or the new one, never half.

    Raises: PolicyUnusable if it cannot be written.
    """
    store_text(home, trust.text)


def store_text(home: Path, text: str) -> None:
    """Do as `store` with the text of a policy that was checked."""
    fresh = home / f".{FILE}"
    try:
        with fresh.open("w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        fresh.replace(home / FILE)
    except OSError as e:
        reason = (e.strerror or "refused").lower()
        raise PolicyUnusable(f"{home / FILE} cannot be written: {reason}", hint="") from e


def _text(data: bytes | str) -> str:
    if len(data) > MAX_POLICY_BYTES:
        raise PolicyUnusable(f"it is longer than {MAX_POLICY_BYTES} bytes")
    try:
        return data if isinstance(data, str) else data.decode("utf-8")
    except UnicodeDecodeError as e:
        raise PolicyUnusable("it is not UTF-8") from e


def _check_ways(policy: Policy, coordinator: str) -> None:
    """Require that the quorum can be asked; the coordinator is asked as the coordinator."""
    for name, url in policy.urls.items():
        wrong = unusable_because(url)
        if wrong and name != coordinator:
            raise PolicyUnusable(f"the URL of witness {name} cannot be used: {wrong}")
    if not policy.reached_by({coordinator, *policy.urls}):
        silent = sorted(policy.witnesses.keys() - {coordinator, *policy.urls})
        raise PolicyUnusable(
            "its quorum needs witnesses that have no URL to be asked at",
            hint=f"add a URL at the end of the line of: {', '.join(silent)}",
        )
