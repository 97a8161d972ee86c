"""A temporary PostgreSQL cluster for tests: own data folder, unix socket only, gone at the end.

PostgreSQL refuses to run as root, so as root the processes drop to an unprivileged user.
"""

import contextlib
import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psycopg

FALLBACK_FOLDERS = sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
UNPRIVILEGED = ("postgres", "nobody")


class PostgresMissing(Exception):
    """No PostgreSQL server can be started here; the message says why."""


def find_binaries() -> Path:
    """Return the folder with `initdb` and `postgres`."""
    found = shutil.which("initdb")
    candidates = [Path(found).resolve().parent] if found else []
    for folder in (*candidates, *FALLBACK_FOLDERS):
        if (folder / "initdb").exists() and (folder / "postgres").exists():
            return folder
    if found and shutil.which("postgres"):
        return Path(found).parent
    raise PostgresMissing("no initdb and postgres binaries on PATH or in /usr/lib/postgresql")


def _as_unprivileged() -> tuple[list[str], pwd.struct_passwd | None]:
    if os.geteuid() != 0:
        return [], None
    for name in UNPRIVILEGED:
        with contextlib.suppress(KeyError):
            user = pwd.getpwnam(name)
            if shutil.which("setpriv"):
                ids = [f"--reuid={user.pw_uid}", f"--regid={user.pw_gid}", "--clear-groups"]
                return ["setpriv", *ids, "--"], user
            if shutil.which("runuser"):
                return ["runuser", "-u", name, "--"], user
    raise PostgresMissing("running as root, and no user, setpriv or runuser to drop to")


@contextlib.contextmanager
def temporary_cluster(*, durable: bool = False) -> Iterator[str]:
    """Start a cluster and yield a URL of its database `postgres`.

    Tests do not wait for the disk; with `durable`, what is committed is on it, as in production.
    Raises: PostgresMissing.
    """
    binaries, (prefix, user) = find_binaries(), _as_unprivileged()
    folder = Path(tempfile.mkdtemp(prefix="pg-"))
    try:
        if user is not None:
            os.chown(folder, user.pw_uid, user.pw_gid)
        data = folder / "data"
        environment = {"PATH": os.environ.get("PATH", ""), "LC_ALL": "C", "HOME": str(folder)}
        _run(
            [
                *prefix, str(binaries / "initdb"), "-D", str(data), "-U", "postgres",
                "-A", "trust", "-E", "UTF8", "--no-sync",
            ],
            folder, environment,
        )  # fmt: skip
        options = f"-c listen_addresses='' -c unix_socket_directories={folder}"
        if not durable:
            options += " -c fsync=off -c full_page_writes=off -c synchronous_commit=off"
        ctl = [*prefix, str(binaries / "pg_ctl"), "-D", str(data), "-w", "-t", "60"]
        _run([*ctl, "-o", options, "-l", str(folder / "log"), "start"], folder, environment)
        try:
            yield f"postgresql://postgres@/postgres?host={folder}"
        finally:
            _run([*ctl, "-m", "immediate", "stop"], folder, environment)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextlib.contextmanager
def fresh_database(cluster_url: str, name: str, template: str = "template1") -> Iterator[str]:
    """Create a database in a cluster, empty or like another one, and yield its URL."""
    with psycopg.connect(cluster_url, autocommit=True) as admin:
        admin.execute(f'CREATE DATABASE "{name}" TEMPLATE "{template}"')
        try:
            yield database_url(cluster_url, name)
        finally:
            admin.execute(f'DROP DATABASE "{name}" WITH (FORCE)')


def database_url(cluster_url: str, name: str) -> str:
    """Return the URL of a database in a cluster."""
    return cluster_url.replace("@/postgres?", f"@/{name}?")


def _run(command: list[str], folder: Path, environment: dict[str, str]) -> None:
    done = subprocess.run(
        command, cwd=folder, env=environment, stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, check=False, timeout=120,
    )  # fmt: skip
    if done.returncode:
        raise PostgresMissing(f"{Path(command[-1]).name}: {done.stderr.strip()[-300:]}")
