"""Settings: from the environment first, then from `coordinator.json` in the home folder.

Variables start with `ACCORD_COORDINATOR_`. A key that is not listed here is an error, in either
place. `ACCORD_COORDINATOR_DATABASE_URL_FILE` names a file that holds the URL, for secrets that are
mounted as files.
"""

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, ValidationError
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict
from typing_extensions import override

from coordinator.errors import BadSetting
from coordinator.wire import MAX_ENVELOPE_BYTES, MAX_WAIT_SECONDS

PREFIX = "ACCORD_COORDINATOR_"
FILE_NAME = "coordinator.json"
MIB = 1024 * 1024


class Settings(BaseSettings):
    """Everything that can be set; `docs/operate/coordinator.md` has the table."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, extra="forbid", frozen=True)

    home: Path = Field(default_factory=lambda: Path.home() / ".accord-coordinator")
    """Folder with the settings file, the witness key and, by default, the database."""
    name: str = Field(default="accord-coordinator", pattern=r"^[a-z0-9][a-z0-9.-]{0,62}$")
    """Name of this coordinator; the witness signs as `<name>/witness`. Never change it later."""
    public_url: str = Field(default="", pattern=r"^(https?://[^\s?#]+)?$")
    """Where parties reach it: goes into invitations. Empty: the listen address."""
    database_url: str = ""
    """`sqlite:///…` or `postgresql://…`. Empty: `coordinator.db` in the home."""
    listen_host: str = "127.0.0.1"
    """Address to listen on; put a TLS proxy in front of anything but loopback."""
    listen_port: int = Field(default=8400, ge=0, le=65535)
    """Port to listen on; 0 lets the system choose."""
    invitation_days: int = Field(default=7, ge=1, le=90)
    """Days that an invitation can be used."""
    max_request_bytes: int = Field(default=MIB, ge=4096, le=64 * MIB)
    """Largest JSON body."""
    max_envelope_bytes: int = Field(default=MAX_ENVELOPE_BYTES, ge=4096, le=MAX_ENVELOPE_BYTES)
    """Largest envelope."""
    max_pending_bytes: int = Field(default=256 * MIB, ge=MAX_ENVELOPE_BYTES)
    """Bytes of one job that may wait for acknowledgement, both directions together."""
    max_party_pending_bytes: int = Field(default=1024 * MIB, ge=MAX_ENVELOPE_BYTES)
    """Bytes that one party has sent, over all its jobs, that may wait for acknowledgement."""
    max_open_jobs: int = Field(default=200, ge=1)
    """Jobs of one requester that have not ended."""
    max_open_proposals: int = Field(default=50, ge=1)
    """Versions of agreements signed by one party that wait for another's signature."""
    max_waits: int = Field(default=256, ge=1)
    """Requests of one party that wait at the same time."""
    max_wait_seconds: int = Field(default=MAX_WAIT_SECONDS, ge=0, le=MAX_WAIT_SECONDS)
    """Longest long-poll; a longer `wait` is cut to it."""
    mailbox_grace_hours: int = Field(default=24, ge=1)
    """Hours after a job's end when what its mailbox still holds is erased."""
    sweep_seconds: int = Field(default=60, ge=1, le=3600)
    """Seconds between two sweeps."""
    log_format: Literal["auto", "json", "console"] = "auto"
    """`auto` is colour on a terminal and JSON elsewhere."""
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    """What is logged at least."""

    @classmethod
    @override
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        return (init_settings,)  # `load` reads the environment itself, to refuse unknown keys

    @property
    def file(self) -> Path:
        """The settings file."""
        return self.home / FILE_NAME

    @property
    def witness_key_file(self) -> Path:
        """The witness's Ed25519 seed."""
        return self.home / "witness.key"

    @property
    def effective_database_url(self) -> str:
        """The URL of the database, with the default filled in."""
        return self.database_url or f"sqlite:///{self.home / 'coordinator.db'}"

    @property
    def effective_url(self) -> str:
        """The URL for invitations, with the default filled in."""
        return self.public_url.rstrip("/") or f"http://{self.listen_host}:{self.listen_port}"


def load(environ: Mapping[str, str] | None = None, **overrides: Any) -> Settings:
    """Read settings: `overrides` (from the command line) before the environment before the file.

    Raises: BadSetting.
    """
    values = _from_environment(os.environ if environ is None else environ)
    values |= {k: v for k, v in overrides.items() if v is not None}
    home = build({"home": values["home"]} if "home" in values else {}).home
    return build(_from_file(home / FILE_NAME) | values)


def build(values: Mapping[str, Any]) -> Settings:
    """Make settings of plain values.

    Raises: BadSetting naming the first wrong one, never its value, which may be a password.
    """
    try:
        return Settings(**values)
    except ValidationError as e:
        first = e.errors(include_input=False, include_url=False, include_context=False)[0]
        name = ".".join(str(part) for part in first["loc"])
        unknown = first["type"] == "extra_forbidden"
        raise BadSetting(
            f"unknown setting {name}" if unknown else f"setting {name}: {first['msg']}",
            "docs/operate/coordinator.md lists every setting",
        ) from None


def _from_environment(environ: Mapping[str, str]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in environ.items():
        if not key.upper().startswith(PREFIX):
            continue
        name = key.upper().removeprefix(PREFIX).lower()
        if name == "database_url_file":
            name, value = "database_url", _read_secret(Path(value))
        found[name] = value
    return found


def _read_secret(path: Path) -> str:
    try:
        return path.read_text().strip()
    except OSError as e:
        raise BadSetting("the file of database_url_file cannot be read") from e


def _from_file(path: Path) -> dict[str, Any]:
    try:
        text = path.read_text()
    except FileNotFoundError:
        return {}
    except OSError as e:
        raise BadSetting(f"{path} cannot be read") from e
    try:
        values = json.loads(text)
    except ValueError as e:
        raise BadSetting(f"{path} is not JSON") from e
    if not isinstance(values, dict) or "home" in values:
        raise BadSetting(f"{path} must be one object, without home")
    return values
