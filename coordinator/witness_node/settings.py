"""Settings: from the environment first, then from `witness.json` in the home folder.

Variables start with `ACCORD_WITNESS_`. A key that is not listed here is an error, in either place.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar, Literal

from pydantic import Field
from pydantic_settings import SettingsConfigDict

from consent.note import KeyType
from coordinator import setting_sources
from coordinator.setting_sources import HomeSettings

PREFIX = "ACCORD_WITNESS_"
FILE_NAME = "witness.json"

_KINDS = {
    "ed25519": KeyType.ED25519_COSIGNATURE,
    "ml-dsa-44": KeyType.MLDSA44_COSIGNATURE,
}


class WitnessSettings(HomeSettings):
    """Everything that can be set; `docs/operate/witness.md` has the table."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, extra="forbid", frozen=True)

    PREFIX: ClassVar[str] = PREFIX
    FILE_NAME: ClassVar[str] = FILE_NAME
    PAGE: ClassVar[str] = "docs/operate/witness.md"

    home: Path = Field(default_factory=lambda: Path.home() / ".accord-witness")
    """Folder with the settings file, the key and, by default, the database."""
    name: str = Field(default="", pattern=r"^([a-z0-9][a-z0-9./-]{0,126})?$")
    """Name that it signs under, a URL without its scheme. Never change it later."""
    key_type: Literal["ed25519", "ml-dsa-44"] = "ed25519"
    """How it signs. Never change it later."""
    public_url: str = Field(default="", pattern=r"^(https?://[^\s?#]+)?$")
    """Where ledgers reach it: goes into the line for their policies. Empty: the listen address."""
    database_url: str = ""
    """`sqlite:///…` or `postgresql://…`. Empty: `witness.db` in the home."""
    listen_host: str = "127.0.0.1"
    """Address to listen on; put a TLS proxy in front of anything but loopback."""
    listen_port: int = Field(default=8500, ge=0, le=65535)
    """Port to listen on; 0 lets the system choose."""
    log_format: Literal["auto", "json", "console"] = "auto"
    """`auto` is colour on a terminal and JSON elsewhere."""
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    """What is logged at least."""

    @property
    def key_file(self) -> Path:
        """The seed of the key."""
        return self.home / "witness.key"

    @property
    def kind(self) -> KeyType:
        """How it signs."""
        return _KINDS[self.key_type]

    @property
    def effective_database_url(self) -> str:
        """The URL of the database, with the default filled in."""
        return self.database_url or f"sqlite:///{self.home / 'witness.db'}"

    @property
    def effective_url(self) -> str:
        """The URL for policies, with the default filled in."""
        return self.public_url.rstrip("/") or f"http://{self.listen_host}:{self.listen_port}"


def load(environ: Mapping[str, str] | None = None, **overrides: Any) -> WitnessSettings:
    """Read settings: `overrides` (from the command line) before the environment before the file.

    Raises: BadSetting.
    """
    return setting_sources.load(WitnessSettings, environ, overrides)
