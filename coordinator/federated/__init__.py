"""Federated training at the coordinator: Flower carries the questions and answers of the rounds.

`flower.py` is the only file of the coordinator that imports Flower. Before that, Flower is told to
send nobody anything: it would report its use and ask for newer versions.
"""

import os

SWITCHED_OFF = {"FLWR_TELEMETRY_ENABLED": "0", "FLWR_DISABLE_UPDATE_CHECK": "1"}

os.environ.update(SWITCHED_OFF)
