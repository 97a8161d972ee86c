"""Models that were trained together with partners, sealed, one file each."""

from dataclasses import dataclass
from pathlib import Path

from party_node import durable_file
from party_node.errors import NotFound
from party_node.vault import Vault
from protocols.codec import decode, encode
from protocols.federated.release import TrainedModel

_SUFFIX = ".trained"


@dataclass(frozen=True, slots=True)
class TrainedModels:
    """The common models that this node has a part in."""

    folder: Path
    vault: Vault

    def keep(self, made: TrainedModel) -> None:
        """Store a model durably; again is fine. Raises: DiskFull."""
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        job = made.terms.job
        sealed = self.vault.seal(f"trained-model/{job}", encode(made))
        durable_file.replace(self._path(job), lambda fresh: _write(fresh, sealed))

    def load(self, job: str) -> TrainedModel:
        """Return a model. Raises: NotFound."""
        try:
            sealed = self._path(job).read_bytes()
        except FileNotFoundError:
            raise NotFound(f"job {job} has trained no model here") from None
        return decode(TrainedModel, self.vault.open(f"trained-model/{job}", sealed))

    def _path(self, job: str) -> Path:
        return self.folder / f"{job}{_SUFFIX}"


def _write(path: Path, data: bytes) -> None:
    path.write_bytes(data)
