"""The process of one worker: `python -m party_node.workers.worker`."""

from party_node.workers.computing import compute
from party_node.workers.pipes import serve

if __name__ == "__main__":
    serve(compute)
