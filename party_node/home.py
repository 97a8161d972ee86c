"""The home folder of a party node: settings, keys, token, and where files go.

    node.json    settings                     keys.cbor   the party's keys
    node.db      SQLite, unless a URL is set  ledger.key  seed of the consent ledger's signing key
    runs/        chunks of running jobs       kek         wraps the keys of persons
    datasets/    indexes of datasets          token       opens the node's own interface
    audiences/   finished audiences      policy.txt  whose cosignatures the ledger needs
    out/         files made on request   policy.entry  the entry that says so

The folder is for its owner only (0700), the four secret files too (0600); a home whose secrets
others can read is refused.
"""

import os
import re
from collections.abc import Mapping
from pathlib import Path

from consent.errors import MalformedRecord
from consent.note import Verifier, parse_vkey
from party_node.durable_file import create_private
from party_node.errors import HomeDamaged, HomeExists, HomeMissing, InvalidSettings, SecretsExposed
from party_node.settings import NodeSettings, load, store
from protocols.codec import decode, encode
from protocols.errors import MalformedMessage
from protocols.keys import PartyKeys
from protocols.session import Rng

_SETTINGS, _KEYS, _LEDGER, _KEK, _TOKEN = "node.json", "keys.cbor", "ledger.key", "kek", "token"
SECRET_FILES = (_KEYS, _LEDGER, _KEK, _TOKEN)


class Home:
    """An opened home folder."""

    def __init__(self, path: Path, settings: NodeSettings, keys: PartyKeys) -> None:
        self.path, self.settings, self.keys = path, settings, keys

    @classmethod
    def create(
        cls,
        path: Path,
        party: str,
        name: str,
        listen_host: str = "127.0.0.1",
        listen_port: int = 8400,
        database_url: str | None = None,
        *,
        rng: Rng,
        default_region: str = "GB",
    ) -> "Home":
        """Make a new home with fresh keys.

        Raises: HomeExists if the folder holds a node; InvalidSettings.
        """
        path = Path(path)
        if path.exists() and (not path.is_dir() or any(path.iterdir())):
            raise HomeExists(f"{path} is not empty")
        settings = _settings(
            party=party, name=name, listen_host=listen_host, listen_port=listen_port,
            database_url=database_url or "", default_region=default_region,
        )  # fmt: skip
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
        path.chmod(0o700)
        secrets = {
            _KEYS: encode(PartyKeys.generate(party, rng)),
            _LEDGER: rng(32),
            _KEK: rng(32),
            _TOKEN: rng(32).hex().encode(),
        }
        for file, content in secrets.items():
            _write_secret(path / file, content)
        # Last: a folder without settings is not a home, so a crash in between leaves none.
        store(path / _SETTINGS, settings)
        return cls.open(path, environ={})

    @classmethod
    def open(cls, path: Path, environ: Mapping[str, str] = os.environ) -> "Home":
        """Open an existing home.

        Raises: HomeMissing, SecretsExposed, HomeDamaged, InvalidSettings.
        """
        path = Path(path)
        if not (path / _SETTINGS).is_file():
            raise HomeMissing(f"{path} holds no {_SETTINGS}")
        _refuse_exposed(path)
        settings = load(path / _SETTINGS, environ)
        try:
            keys = decode(PartyKeys, _read_secret(path, _KEYS))
        except MalformedMessage as e:
            raise HomeDamaged(f"{_KEYS} holds no keys") from e
        if keys.party != settings.party:
            raise HomeDamaged(f"{_KEYS} holds the keys of another party")
        for folder in ("runs", "datasets", "audiences", "prepared"):
            (path / folder).mkdir(mode=0o700, exist_ok=True)
        return cls(path, settings, keys)

    def save(self, settings: NodeSettings) -> None:
        """Write changed settings and use them from now on.

        Raises: InvalidSettings if the party's name would change.
        """
        if settings.party != self.settings.party:
            raise InvalidSettings("the party of a node never changes")
        store(self.path / _SETTINGS, settings)
        self.settings = settings

    @property
    def coordinator_witness(self) -> Verifier:
        """The key of the coordinator's witness, as the invitation named it."""
        try:
            return parse_vkey(self.settings.witness_vkey)
        except MalformedRecord as e:
            raise InvalidSettings(
                "witness_vkey is no verifier key", hint="enrol the node again"
            ) from e

    @property
    def database_url(self) -> str:
        """The database of this node; SQLite in the home folder unless the settings name another."""
        return self.settings.database_url or f"sqlite:///{(self.path / 'node.db').absolute()}"

    @property
    def ledger_seed(self) -> bytes:
        """Ed25519 seed of the consent ledger, 32 bytes."""
        return _exactly(32, _LEDGER, _read_secret(self.path, _LEDGER))

    @property
    def kek(self) -> bytes:
        """The key that wraps the keys of persons, 32 bytes."""
        return _exactly(32, _KEK, _read_secret(self.path, _KEK))

    @property
    def token(self) -> str:
        """The bearer token of the node's own interface."""
        token = _read_secret(self.path, _TOKEN).decode("ascii", "replace").strip()
        if not re.fullmatch("[0-9a-f]{64}", token):
            raise HomeDamaged(f"{_TOKEN} holds no token")
        return token

    @property
    def runs(self) -> Path:
        """Folder with one folder for each running job."""
        return self.path / "runs"

    @property
    def datasets(self) -> Path:
        """Folder with one folder for each registered dataset."""
        return self.path / "datasets"

    @property
    def prepared(self) -> Path:
        """Folder of sets that were prepared here, and of copies of other parties' sets."""
        return self.path / "prepared"

    @property
    def models(self) -> Path:
        """Folder of the models that were made here."""
        return self.path / "models"

    @property
    def federated(self) -> Path:
        """Folder of the federated trainings that this party takes part in, and of its SuperNode."""
        return self.path / "federated"

    @property
    def authority(self) -> Path | None:
        """Certificates by which the coordinator's is checked; None for those of the system."""
        stated = self.settings.coordinator_authority
        return Path(stated) if stated else None

    @property
    def audiences(self) -> Path:
        """Folder of finished audiences."""
        return self.path / "audiences"


def _settings(**values: object) -> NodeSettings:
    try:
        return NodeSettings.model_validate(values)
    except ValueError:
        raise InvalidSettings(
            "a party's name has lower-case letters, digits and hyphens; a port is 0 to 65535",
            hint="for example --party brand --port 8401",
        ) from None


def _write_secret(path: Path, content: bytes) -> None:
    with create_private(path) as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def _read_secret(path: Path, name: str) -> bytes:
    try:
        return (path / name).read_bytes()
    except OSError as e:
        raise HomeDamaged(f"{name} cannot be read") from e


def _exactly(length: int, name: str, content: bytes) -> bytes:
    if len(content) != length:
        raise HomeDamaged(f"{name} must have {length} bytes")
    return content


def _refuse_exposed(path: Path) -> None:
    for name in SECRET_FILES:
        file = path / name
        if not file.is_file():
            raise HomeDamaged(f"{name} is missing")
        if file.stat().st_mode & 0o077:
            raise SecretsExposed(f"{name} is open to other users", hint=f"run: chmod 600 {file}")
