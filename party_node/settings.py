"""The settings of a party node: `node.json` in its home, overridden by `ACCORD_NODE_*` variables.

Unknown keys and unknown variables are errors, so that a misspelt setting is found at once.
"""

import datetime
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, ValidationInfo

from coordinator.wire import PartyId
from party_node import durable_file
from party_node.data_folders import folders_of
from party_node.errors import HomeDamaged, InvalidSettings
from party_node.host_names import hosts_of
from party_node.webhooks.addresses import networks_of
from protocols.dp.budget import Rho
from protocols.errors import InvalidParameter

ENVIRONMENT_PREFIX = "ACCORD_NODE_"
_NOT_SETTINGS = frozenset({"ACCORD_NODE_HOME"})
"""Names the home folder itself, so it cannot stand inside it."""


def _networks(text: str) -> str:
    networks_of(text)
    return text


def _folders(text: str) -> str:
    folders_of(text)
    return text


def _hosts(text: str) -> str:
    hosts_of(text)
    return text


def _rho(text: str) -> str:
    try:
        return Rho.parse(text).decimal()
    except InvalidParameter as e:
        raise ValueError("a rho is a decimal with at most nine places") from e


def _day_or_nothing(text: str) -> str:
    return datetime.date.fromisoformat(text).isoformat() if text else text


def _needed_by_ray(text: str, info: ValidationInfo) -> str:
    if info.data.get("workers") == "ray" and not text:
        raise ValueError("a Ray cluster has an address")
    return text


class NodeSettings(BaseModel):
    """What an operator may set."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    party: PartyId
    """Name of the party in collaborations and on the coordinator; it never changes."""
    name: Annotated[str, Field(min_length=1, max_length=200)]
    """Name that people read."""
    listen_host: str = "127.0.0.1"
    """Address of the node's own interface and console."""
    listen_port: Annotated[int, Field(ge=0, le=65535)] = 8400
    database_url: str = ""
    """Empty: SQLite in the home folder; else `postgresql+psycopg://…`."""
    coordinator_url: str = ""
    coordinator_authority: str = ""
    """File (PEM) with the certificates by which the coordinator's is checked; empty: the system's.
    """
    coordinator_name: str = ""
    witness_vkey: str = ""
    """C2SP verifier key of the witness; set at enrolment."""
    default_region: Annotated[str, Field(pattern=r"^[A-Z]{2}$")] = "GB"
    """Country (ISO 3166) of telephone numbers that are written without a country code."""
    x25519_backend: Literal["auto", "pynacl", "multibuffer"] = "auto"
    """How blinding is computed; `auto` takes the fastest that this machine can run."""
    workers: Literal["auto", "threads", "processes", "ray"] = "auto"
    """Where it is computed; `auto` is `threads`."""
    ray_address: Annotated[str, AfterValidator(_needed_by_ray)] = Field("", validate_default=True)
    """With `workers` `ray`: the cluster, as `10.0.0.5:6379`, or `local` for one on this machine."""
    blas_threads: Annotated[int, Field(ge=0, le=256)] = 1
    """Threads that linear algebra takes when a model is trained; 0: as its library does."""
    webhook_allowed_networks: Annotated[str, AfterValidator(_networks)] = ""
    """Private networks that webhooks may go to, comma-separated: `10.20.0.0/16, fd00::/8`."""
    public_hosts: Annotated[str, AfterValidator(_hosts)] = ""
    """Names under which a proxy shows the node, comma-separated: `accord.brand.example`."""
    data_folders: Annotated[str, AfterValidator(_folders)] = ""
    """Folders of the party's own files, comma-separated: errors may name the columns of these."""
    least_change: Annotated[int, Field(ge=0, le=1_000_000)] = 50
    """People who must have come in since a run with a party before it is told about any of them;
    0 turns the rule off."""
    bandwidth_mbit: Annotated[int, Field(ge=1, le=1_000_000)] = 100
    """How fast the line to other parties is, in Mbit/s: by it too a question's route is chosen."""
    public_rho: Annotated[str, AfterValidator(_rho)] = "1"
    """Budget of statistics about the party's own people that are for everybody, in rho, for good.
    """
    gpc_support_since: Annotated[str, AfterValidator(_day_or_nothing)] = ""
    """Day since which the site at this address heeds GPC, as 2026-11-26; empty: it is not said."""


def load(path: Path, environ: Mapping[str, str]) -> NodeSettings:
    """Read the settings file and lay the environment over it.

    Raises: HomeDamaged if the file is no JSON object; InvalidSettings.
    """
    try:
        stored = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as e:
        raise HomeDamaged(f"{path.name} cannot be read") from e
    if not isinstance(stored, dict):
        raise HomeDamaged(f"{path.name} is not a JSON object")
    return _checked({**stored, **_overrides(environ)})


def store(path: Path, settings: NodeSettings) -> None:
    """Write the settings file so that a crash leaves the old one or the new one, never half."""
    text = json.dumps(settings.model_dump(), indent=2) + "\n"
    durable_file.replace(path, lambda fresh: _write(fresh, text))


def _write(path: Path, text: str) -> None:
    path.write_text(text, encoding="utf-8")


def _overrides(environ: Mapping[str, str]) -> dict[str, str]:
    return {
        name.removeprefix(ENVIRONMENT_PREFIX).lower(): value
        for name, value in environ.items()
        if name.startswith(ENVIRONMENT_PREFIX) and name not in _NOT_SETTINGS
    }


def _checked(values: Mapping[str, object]) -> NodeSettings:
    try:
        return NodeSettings.model_validate(values)
    except ValidationError as e:
        # Names of settings only: a database URL may hold a password.
        wrong = ", ".join(sorted({".".join(map(str, error["loc"])) for error in e.errors()}))
        raise InvalidSettings(f"not valid or not known: {wrong}") from None
