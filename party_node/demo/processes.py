"""The demo's operating-system processes: started, awaited, measured, stopped.

Each has its own folder, keys and database, and a log file beside them. They are started with the
commands that a person would use.
"""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2

from party_node.plain_http import trusting_nobody

READY_SECONDS = 30
_PAUSE = 0.05


class DemoFailed(Exception):
    """A part of the demonstration did not do what it should."""


@dataclass(slots=True)
class Service:
    """One running process of the demo."""

    name: str
    home: Path
    process: subprocess.Popen[bytes]
    url: str = ""
    started: float = 0.0
    ready_seconds: float = 0.0

    def usage(self) -> dict[str, float]:
        """Return CPU seconds and peak memory in MiB so far, as the kernel counts them."""
        return usage_of(self.process.pid)

    def stop(self) -> None:
        """End the process as an operator would; kill it if it does not listen."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(10)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()


def usage_of(pid: int) -> dict[str, float]:
    """Return CPU seconds and peak memory (MiB) of a process; zeros where nothing tells."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
        status = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return {"cpu_seconds": 0.0, "peak_mib": 0.0}
    ticks = int(stat[11]) + int(stat[12])
    peak = next(line.split()[1] for line in status.splitlines() if line.startswith("VmHWM"))
    return {
        "cpu_seconds": round(ticks / os.sysconf("SC_CLK_TCK"), 2),
        "peak_mib": round(int(peak) / 1024, 1),
    }


def free_port() -> int:
    """Return a loopback port that nobody listens on just now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def command(package: str, *args: str) -> dict[str, Any]:
    """Run one of our commands with `--json` and return what it printed.

    Raises: DemoFailed with the command's own error.
    """
    words = [sys.executable, "-m", package, *args]
    done = subprocess.run(words, capture_output=True, check=False)
    if done.returncode != 0:
        raise DemoFailed(done.stderr.decode(errors="replace").strip() or f"{args[0]} failed")
    text = done.stdout.decode().strip()
    return dict(json.loads(text)) if text.startswith("{") else {"text": text}


def start(name: str, package: str, home: Path, *args: str, **environment: str) -> Service:
    """Start a service with its log in its home's parent folder, and more environment variables."""
    log = (home.parent / f"{name}.log").open("ab")
    words = [sys.executable, "-m", package, *args]
    process = subprocess.Popen(words, stdout=log, stderr=log, env={**os.environ, **environment})
    log.close()
    return Service(name, home, process, started=time.monotonic())


def await_ready(service: Service) -> None:
    """Wait until the service says that it is ready. Raises: DemoFailed with the end of its log."""
    limit = time.monotonic() + READY_SECONDS
    while time.monotonic() < limit:
        if service.process.poll() is not None:
            break
        url = service.url or _announced(service.home)
        if url and _answers(url):
            service.url = url
            service.ready_seconds = round(time.monotonic() - service.started, 2)
            return
        time.sleep(_PAUSE)
    log = (service.home.parent / f"{service.name}.log").read_text(errors="replace")
    raise DemoFailed(f"the {service.name} did not get ready; its log ends:\n{log[-1500:]}")


def _announced(home: Path) -> str:
    try:
        return (home / "url").read_text().strip()
    except OSError:
        return ""


def _answers(url: str) -> bool:
    ready, trust = f"{url}/readyz", trusting_nobody()
    try:
        return httpx2.get(ready, verify=trust, timeout=2, trust_env=False).is_success
    except httpx2.TransportError:
        return False
