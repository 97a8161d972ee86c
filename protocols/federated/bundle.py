"""The Flower app of federated training: a bundle that holds no code.

Flower sends an app's code to whoever takes part. Here nobody runs what was sent: the coordinator
and the nodes run what is installed, and a node refuses every bundle but this one, by its SHA-256.
The module in it says so to whoever would load it all the same.
"""

from collections.abc import Mapping
from types import MappingProxyType

_APP = b"""[project]
name = "accord-federated"
version = "1.0.0"
description = "Federated training of Accord: runs installed code only"
license = "Apache-2.0"
dependencies = []

[tool.flwr.app]
publisher = "accord"

[tool.flwr.app.components]
serverapp = "refused:app"
clientapp = "refused:app"

[tool.flwr.app.config]
"""

_REFUSED = b'raise ImportError("federated training of Accord runs installed code only")\n'

FILES: Mapping[str, bytes] = MappingProxyType({"pyproject.toml": _APP, "refused.py": _REFUSED})

RECORD = "accord"
FIELD = "body"
"""Where a question or an answer lies in a Flower message: bytes, in this config record."""

MESSAGE_TYPE = "train"
