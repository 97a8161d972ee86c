"""Where settings come from: the command line, then the environment, then a file in the home folder.

A key that is not known is an error, in either place. `<PREFIX>DATABASE_URL_FILE` names a file that
holds the URL, for secrets that are mounted as files.
"""

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar, TypeVar

from pydantic import ValidationError
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict
from typing_extensions import override

from coordinator.errors import BadSetting


class HomeSettings(BaseSettings):
    """Base of the settings of a service with a home folder."""

    model_config = SettingsConfigDict(extra="forbid", frozen=True)

    PREFIX: ClassVar[str]
    """How its variables start."""
    FILE_NAME: ClassVar[str]
    """Its settings file, in the home."""
    PAGE: ClassVar[str]
    """The page that lists every setting."""

    home: Path
    """The home folder."""

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
        return self.home / self.FILE_NAME


S = TypeVar("S", bound=HomeSettings)


def load(kind: type[S], environ: Mapping[str, str] | None, overrides: Mapping[str, Any]) -> S:
    """Read settings: `overrides` (from the command line) before the environment before the file.

    Raises: BadSetting.
    """
    values = _from_environment(kind.PREFIX, os.environ if environ is None else environ)
    values |= {k: v for k, v in overrides.items() if v is not None}
    home = build(kind, {"home": values["home"]} if "home" in values else {}).home
    return build(kind, _from_file(home / kind.FILE_NAME) | values)


def build(kind: type[S], values: Mapping[str, Any]) -> S:
    """Make settings of plain values.

    Raises: BadSetting naming the first wrong one, never its value, which may be a password.
    """
    try:
        return kind(**values)
    except ValidationError as e:
        first = e.errors(include_input=False, include_url=False, include_context=False)[0]
        name = ".".join(str(part) for part in first["loc"])
        unknown = first["type"] == "extra_forbidden"
        raise BadSetting(
            f"unknown setting {name}" if unknown else f"setting {name}: {first['msg']}",
            f"{kind.PAGE} lists every setting",
        ) from None


def _from_environment(prefix: str, environ: Mapping[str, str]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in environ.items():
        if not key.upper().startswith(prefix):
            continue
        name = key.upper().removeprefix(prefix).lower()
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
