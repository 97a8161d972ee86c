"""Trust policies (C2SP tlog-policy): which logs are accepted, and which witnesses must have
cosigned.

    log accord.example/brand/consent+1c6d…+AQ…
    witness coordinator witness.example/w1+8d66…+BA…
    witness auditor auditor.example/w+5a01…+BA… https://auditor.example/witness
    group two-of-two all coordinator auditor
    quorum two-of-two

This file is what an auditor trusts; everything else is checked against it.
"""

import re
from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field, replace

from consent.checkpoint import Checkpoint, checkpoint_of, open_checkpoint
from consent.errors import BadSignature, MalformedRecord
from consent.note import KeyType, Verifier, parse_decimal, parse_vkey

NONE = "none"
MAX_POLICY_BYTES = 1 << 20
_FORBIDDEN = re.compile(rb"[^\t\n\x20-\x7e\x80-\xff]")
_SPACE = re.compile(r"[ \t]+")


@dataclass(frozen=True, slots=True)
class Group:
    """Witnesses and groups of which at least `threshold` must have cosigned."""

    threshold: int
    members: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Policy:
    """A parsed policy file."""

    logs: tuple[Verifier, ...]
    witnesses: Mapping[str, Verifier]
    groups: Mapping[str, Group]
    quorum: str
    """Name of a witness or a group, or `none`."""
    urls: Mapping[str, str] = field(default_factory=dict)
    """Where witnesses are asked, by name, for those that have a URL."""

    def open(self, note: str | bytes) -> Checkpoint:
        """Verify a checkpoint under this policy.

        Raises: MalformedRecord if it is no checkpoint; BadSignature if no listed log signed it, a
        known signature is wrong, or the quorum is not reached.
        """
        origin = checkpoint_of(note).origin
        logs = [log for log in self.logs if log.name == origin]
        if not logs:
            raise BadSignature("the policy lists no log of this origin")
        witnesses = tuple(self.witnesses.values())
        error: BadSignature | None = None
        for log in logs:
            try:
                checkpoint = open_checkpoint(note, log, witnesses)
            except BadSignature as e:
                error = e
                continue
            self._require_quorum(checkpoint)
            return checkpoint
        raise error or BadSignature("no listed log signed this checkpoint")

    def witnessed_by(self, checkpoint: Checkpoint) -> frozenset[str]:
        """Return the names of the witnesses whose cosignature was verified."""
        keys = {c.verifier for c in checkpoint.cosignatures}
        return frozenset(name for name, key in self.witnesses.items() if key in keys)

    def reached_by(self, witnessed: AbstractSet[str]) -> bool:
        """Return whether these witnesses are a quorum; groups are built up in their order."""
        reached = set(witnessed)
        for group_name, group in self.groups.items():
            if len(reached.intersection(group.members)) >= group.threshold:
                reached.add(group_name)
        return self.quorum == NONE or self.quorum in reached

    def requires(self, name: str) -> bool:
        """Return whether there is no quorum without this witness."""
        return not self.reached_by(self.witnesses.keys() - {name})

    def _require_quorum(self, checkpoint: Checkpoint) -> None:
        if not self.reached_by(self.witnessed_by(checkpoint)):
            raise BadSignature("too few witnesses have cosigned this checkpoint")


def parse_policy(data: bytes | str) -> Policy:
    """Read a policy file.

    Raises: MalformedRecord if it is none.
    """
    octets = data.encode("utf-8", "surrogateescape") if isinstance(data, str) else data
    if len(octets) > MAX_POLICY_BYTES or _FORBIDDEN.search(octets):
        raise MalformedRecord("the policy is too large or holds a control character")
    if octets and not octets.endswith(b"\n"):
        raise MalformedRecord("each line of a policy ends in a newline")
    reader = _Reader()
    for line in octets.decode("utf-8", "surrogateescape").split("\n"):
        words = _SPACE.split(line.strip(" \t"))
        if words[0] and not words[0].startswith("#"):
            reader.read(words)
    return reader.finish()


def write_policy(
    logs: Sequence[Verifier],
    witnesses: Mapping[str, Verifier],
    threshold: int,
    urls: Mapping[str, str] | None = None,
) -> str:
    """Return a policy file that asks for `threshold` of `witnesses`; 0 asks for none.

    Raises: MalformedRecord if the result would be no policy.
    """
    lines = [f"log {log.vkey}" for log in logs]
    for name, key in witnesses.items():
        lines.append(" ".join(("witness", name, key.vkey, (urls or {}).get(name, ""))).rstrip())
    if threshold == 1 == len(witnesses):
        lines.append(f"quorum {next(iter(witnesses))}")
    elif threshold:
        lines.append(f"group witnesses {threshold} {' '.join(witnesses)}")
        lines.append("quorum witnesses")
    else:
        lines.append("quorum none")
    text = "\n".join(lines) + "\n"
    parse_policy(text)
    return text


class _Reader:
    """Reads a policy line by line."""

    def __init__(self) -> None:
        self._logs: list[Verifier] = []
        self._witnesses: dict[str, Verifier] = {}
        self._urls: dict[str, str] = {}
        self._groups: dict[str, Group] = {}
        self._members: set[str] = set()
        self._quorum: str | None = None

    def read(self, words: list[str]) -> None:
        match words:
            case ["log", vkey] | ["log", vkey, _]:
                self._add_log(parse_vkey(vkey))
            case ["witness", name, vkey]:
                self._add_witness(name, parse_vkey(vkey))
            case ["witness", name, vkey, url]:
                self._add_witness(name, parse_vkey(vkey))
                self._urls[name] = url
            case ["group", name, threshold, *members] if members:
                self._add_group(name, threshold, members)
            case ["quorum", name] if self._quorum is None:
                if name != NONE and name not in self._witnesses and name not in self._groups:
                    raise MalformedRecord("the quorum names nothing that is defined above it")
                self._quorum = name
            case _:
                raise MalformedRecord("a line of the policy cannot be read")

    def finish(self) -> Policy:
        if self._quorum is None:
            raise MalformedRecord("a policy has one quorum line")
        return Policy(tuple(self._logs), self._witnesses, self._groups, self._quorum, self._urls)

    def _add_log(self, key: Verifier) -> None:
        if key.kind is not KeyType.ED25519:
            raise MalformedRecord("this type of key does not sign for a log here")
        if any(key.public == other.public for other in self._logs):
            raise MalformedRecord("two logs have one key")
        self._logs.append(key)

    def _add_witness(self, name: str, key: Verifier) -> None:
        if key.kind is KeyType.ED25519:
            raise MalformedRecord("this type of key does not cosign")
        if any(key.public == other.public for other in self._witnesses.values()):
            raise MalformedRecord("two witnesses have one key")
        self._define(name)
        self._witnesses[name] = key

    def _add_group(self, name: str, threshold: str, members: list[str]) -> None:
        for member in members:
            if member not in self._witnesses and member not in self._groups:
                raise MalformedRecord("a group names nothing that is defined above it")
            if member in self._members:
                raise MalformedRecord("a name is a member more than once")
            self._members.add(member)
        fixed = {"any": 1, "all": len(members)}
        needed = fixed[threshold] if threshold in fixed else parse_decimal(threshold)
        if not 1 <= needed <= len(members):
            raise MalformedRecord("the threshold of a group lies between 1 and its size")
        self._define(name)
        self._groups[name] = Group(needed, tuple(members))

    def _define(self, name: str) -> None:
        if name == NONE or name in self._witnesses or name in self._groups:
            raise MalformedRecord("a name is defined twice")


def without_quorum(policy: Policy) -> Policy:
    """Return the policy with `quorum none`: for a checkpoint that is not witnessed yet."""
    return replace(policy, quorum=NONE)
