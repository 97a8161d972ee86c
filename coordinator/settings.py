"""Settings: from the environment first, then from `coordinator.json` in the home folder.

Variables start with `ACCORD_COORDINATOR_`. A key that is not listed here is an error, in either
place. `ACCORD_COORDINATOR_DATABASE_URL_FILE` names a file that holds the URL, for secrets that are
mounted as files.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar, Literal

from pydantic import Field
from pydantic_settings import SettingsConfigDict

from coordinator import setting_sources
from coordinator.setting_sources import HomeSettings
from coordinator.wire import MAX_ENVELOPE_BYTES, MAX_WAIT_SECONDS

PREFIX = "ACCORD_COORDINATOR_"
FILE_NAME = "coordinator.json"
MIB = 1024 * 1024


class Settings(HomeSettings):
    """Everything that can be set; `docs/operate/coordinator.md` has the table."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, extra="forbid", frozen=True)

    PREFIX: ClassVar[str] = PREFIX
    FILE_NAME: ClassVar[str] = FILE_NAME
    PAGE: ClassVar[str] = "docs/operate/coordinator.md"

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
    tls_certificate: str = ""
    """File (PEM) with the certificate to serve TLS by; empty: a proxy in front does that."""
    tls_key: str = ""
    """File (PEM) with the key of that certificate."""
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
    superlink_port: int = Field(default=0, ge=0, le=65535)
    """Port on loopback for Flower's SuperLink; 0 switches federated training off."""
    blas_threads: int = Field(default=1, ge=0, le=256)
    """Threads that linear algebra takes between rounds of a training; 0: as its library does."""
    log_format: Literal["auto", "json", "console"] = "auto"
    """`auto` is colour on a terminal and JSON elsewhere."""
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    """What is logged at least."""

    @property
    def witness_key_file(self) -> Path:
        """The witness's Ed25519 seed."""
        return self.home / "witness.key"

    @property
    def federated_folder(self) -> Path:
        """What Flower keeps, and the states of federated trainings."""
        return self.home / "federated"

    @property
    def effective_database_url(self) -> str:
        """The URL of the database, with the default filled in."""
        return self.database_url or f"sqlite:///{self.home / 'coordinator.db'}"

    @property
    def effective_url(self) -> str:
        """The URL for invitations, with the default filled in."""
        scheme = "https" if self.tls_certificate else "http"
        return self.public_url.rstrip("/") or f"{scheme}://{self.listen_host}:{self.listen_port}"


def load(environ: Mapping[str, str] | None = None, **overrides: Any) -> Settings:
    """Read settings: `overrides` (from the command line) before the environment before the file.

    Raises: BadSetting.
    """
    return setting_sources.load(Settings, environ, overrides)


def build(values: Mapping[str, Any]) -> Settings:
    """Make settings of plain values.

    Raises: BadSetting naming the first wrong one, never its value, which may be a password.
    """
    return setting_sources.build(Settings, values)
