"""One peer, measured: `python peer.py PEER RECEIVER SENDER COMMON`, in the peers' environment.

    openmined     openmined-psi: ECDH on P-256, Golomb-compressed sets, intersection revealed
    spu-ecdh      SecretFlow: ECDH on Curve25519
    spu-kkrt      SecretFlow: KKRT16
    spu-rr22      SecretFlow: RR22, the fast mode (its low-communication mode loses matches)

Needs nothing of Accord. Each party is a process; both begin together once their imports are done
and their inputs lie there (strings in memory for openmined, CSV files for spu, which knows no
other), and what is counted ends when the receiver has its result. Prints one JSON object.
"""

import importlib.util
import json
import multiprocessing
import resource
import socket
import sys
import tempfile
import time
from collections.abc import Callable
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

Begin = Callable[[], None]
Found = tuple[int, bool, int]
"""Matches, whether they are exactly the expected ones, bytes that this side sent (0: not known)."""


def item(number: int) -> str:
    """Return an identifier of 32 bytes, about as long as an e-mail address."""
    return f"person.{number:012}@example.com"


def mine(receiving: bool, sizes: tuple[int, int, int]) -> range:
    """Return the numbers of one side; the receiver's last `common` ones are in both."""
    receiver, sender, common = sizes
    return range(receiver) if receiving else range(receiver - common, receiver - common + sender)


def openmined(
    receiving: bool, sizes: tuple[int, int, int], pipe: Connection, begin: Begin, _mode: str
) -> Found:
    """The client is the receiver; messages go through a pipe."""
    import private_set_intersection.python as psi

    items, sent = [item(n) for n in mine(receiving, sizes)], 0
    begin()
    if not receiving:
        server = psi.server.CreateWithNewKey(True)
        setup = server.CreateSetupMessage(1e-9, sizes[0], items, psi.DataStructure.GCS)
        request = psi.Request()
        request.ParseFromString(pipe.recv_bytes())
        for message in (setup, server.ProcessRequest(request)):
            data = message.SerializeToString()
            pipe.send_bytes(data)
            sent += len(data)
        return 0, True, sent
    client = psi.client.CreateWithNewKey(True)
    data = client.CreateRequest(items).SerializeToString()
    pipe.send_bytes(data)
    setup, response = psi.ServerSetup(), psi.Response()
    setup.ParseFromString(pipe.recv_bytes())
    response.ParseFromString(pipe.recv_bytes())
    found = sorted(client.GetIntersection(setup, response))
    return len(found), found == list(range(sizes[0] - sizes[2], sizes[0])), len(data)


def secretflow(
    receiving: bool, sizes: tuple[int, int, int], pipe: Connection, begin: Begin, mode: str
) -> Found:
    """Both read a CSV file; the receiver writes one."""
    from spu import libspu, psi

    protocol = {
        "ecdh": psi.PsiProtocol.PROTOCOL_ECDH,
        "kkrt": psi.PsiProtocol.PROTOCOL_KKRT,
        "rr22": psi.PsiProtocol.PROTOCOL_RR22,
    }[mode]
    with tempfile.TemporaryDirectory() as folder:
        source, result = Path(folder, "in.csv"), Path(folder, "out.csv")
        with source.open("w", encoding="ascii") as out:
            out.write("id\n")
            out.writelines(f"{item(n)}\n" for n in mine(receiving, sizes))
        if receiving:
            ports = [free_port(), free_port()]
            pipe.send(ports)
        else:
            ports = pipe.recv()
        described = libspu.link.Desc()
        described.recv_timeout_ms = 3_600_000
        for name, port in zip(("receiver", "sender"), ports, strict=True):
            described.add_party(name, f"127.0.0.1:{port}")
        begin()
        link = libspu.link.create_brpc(described, 0 if receiving else 1)
        psi.psi_execute(
            psi.PsiExecuteConfig(
                protocol_conf=psi.PsiProtocolConfig(
                    protocol=protocol,
                    receiver_rank=0,
                    ecdh_params=psi.EcdhParams(curve=psi.EllipticCurveType.CURVE_25519),
                    rr22_params=psi.Rr22Rarams(low_comm_mode=False),
                ),
                input_params=psi.InputParams(
                    path=str(source), selected_keys=["id"], keys_unique=True
                ),
                output_params=psi.OutputParams(path=str(result), disable_alignment=True),
            ),
            link,
        )
        link.stop_link()
        if not receiving:
            return 0, True, 0
        with result.open(encoding="ascii") as lines:
            found = sorted(line.strip().strip('"') for line in lines)
    found.remove("id")
    wanted = sorted(item(n) for n in range(sizes[0] - sizes[2], sizes[0]))
    return len(found), found == wanted, 0


PEERS: dict[str, tuple[str, str, Callable[..., Found], str]] = {
    "openmined": ("openmined-psi", "private_set_intersection", openmined, ""),
    "spu-ecdh": ("spu", "spu", secretflow, "ecdh"),
    "spu-kkrt": ("spu", "spu", secretflow, "kkrt"),
    "spu-rr22": ("spu", "spu", secretflow, "rr22"),
}


def free_port() -> int:
    """Return a loopback port that nobody listens on just now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def party(
    peer: str, receiving: bool, sizes: tuple[int, int, int], pipe: Connection, back: Connection,
    together: Any,
) -> None:  # fmt: skip
    """Play one side and send back what it cost."""
    marks: list[float] = []

    def begin() -> None:
        together.wait()
        marks.extend((time.monotonic(), cpu_seconds()))

    matched, exact, sent = PEERS[peer][2](receiving, sizes, pipe, begin, PEERS[peer][3])
    wall, used = time.monotonic() - marks[0], cpu_seconds() - marks[1]
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    back.send((wall, used, peak, matched, exact, sent))


def cpu_seconds() -> float:
    """Return the CPU-seconds of this process so far, and of the programs that it has started."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(one.ru_utime + one.ru_stime for one in used)


def measure(peer: str, sizes: tuple[int, int, int]) -> dict[str, Any]:
    """Run both sides; return the figures, or why there are none."""
    package, module = PEERS[peer][:2]
    if importlib.util.find_spec(module) is None:
        return {"not_installed": package}
    context = multiprocessing.get_context("spawn")
    together = context.Barrier(2)
    ends, backs, processes = context.Pipe(), [], []
    for receiving, end in zip((True, False), ends, strict=True):
        back, theirs = context.Pipe(duplex=False)
        process = context.Process(
            target=party, args=(peer, receiving, sizes, end, theirs, together)
        )
        process.start()
        theirs.close()
        backs.append(back)
        processes.append(process)
    try:
        receiver, sender = (back.recv() for back in backs)
    except EOFError:
        return {"failed": f"a process of {peer} ended early"}
    finally:
        for process in processes:
            process.join(10)
            process.kill()
    sent = receiver[5] + sender[5]
    return {
        "wall_seconds": round(max(receiver[0], sender[0]), 2),
        "cpu_seconds_both_parties": round(receiver[1] + sender[1], 2),
        "peak_mib": {"receiver": receiver[2], "sender": sender[2]},
        "bytes": sent or None,
        "matched": receiver[3],
        "exact": receiver[4],
    }


if __name__ == "__main__":
    name, *numbers = sys.argv[1:]
    receiver_size, sender_size, common_size = map(int, numbers)
    print(json.dumps(measure(name, (receiver_size, sender_size, common_size))))
