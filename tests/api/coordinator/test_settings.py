"""Settings: where they come from, and what is refused."""

import json
from pathlib import Path

import pytest

from coordinator.errors import BadSetting
from coordinator.settings import FILE_NAME, Settings, load
from coordinator.wire import MAX_ENVELOPE_BYTES


def _env(home: Path, **more: str) -> dict[str, str]:
    return {"ACCORD_COORDINATOR_HOME": str(home), "PATH": "/bin"} | more


def test_defaults(tmp_path: Path) -> None:
    found = load(_env(tmp_path))
    assert found.effective_database_url == f"sqlite:///{tmp_path}/coordinator.db"
    assert found.effective_url == "http://127.0.0.1:8400"
    assert found.max_envelope_bytes == MAX_ENVELOPE_BYTES
    assert load({}).home == Path.home() / ".accord-coordinator"


def test_command_line_before_environment_before_file(tmp_path: Path) -> None:
    file = {"name": "file", "listen_port": 1, "listen_host": "0.0.0.0"}
    (tmp_path / FILE_NAME).write_text(json.dumps(file))
    env = _env(tmp_path, ACCORD_COORDINATOR_NAME="env", ACCORD_COORDINATOR_LISTEN_PORT="2")
    found = load(env, listen_port=3, name=None)
    assert (found.name, found.listen_port, found.listen_host) == ("env", 3, "0.0.0.0")


def test_the_database_url_may_come_from_a_file(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("postgresql://u:p@h/d\n")
    env = _env(tmp_path, ACCORD_COORDINATOR_DATABASE_URL_FILE=str(secret))
    assert load(env).effective_database_url == "postgresql://u:p@h/d"
    with pytest.raises(BadSetting, match="cannot be read"):
        load(_env(tmp_path, ACCORD_COORDINATOR_DATABASE_URL_FILE=str(tmp_path / "none")))


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("NO_SUCH_KEY", "1"),
        ("LISTEN_PORT", "70000"),
        ("NAME", "Not A Name"),
        ("PUBLIC_URL", "ftp://x"),
        ("LOG_FORMAT", "xml"),
        ("MAX_ENVELOPE_BYTES", str(MAX_ENVELOPE_BYTES + 1)),
    ],
)
def test_wrong_variables_are_refused(tmp_path: Path, key: str, value: str) -> None:
    with pytest.raises(BadSetting, match=key.lower()) as caught:
        load(_env(tmp_path, **{f"ACCORD_COORDINATOR_{key}": value}))
    assert value not in str(caught.value) or value == "1", "values may be secrets"


@pytest.mark.parametrize("text", ["{", "[]", '{"no_such_key": 1}', '{"home": "/"}'])
def test_wrong_files_are_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / FILE_NAME).write_text(text)
    with pytest.raises(BadSetting):
        load(_env(tmp_path))


def test_an_unreadable_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / FILE_NAME).mkdir()
    with pytest.raises(BadSetting, match="cannot be read"):
        load(_env(tmp_path))


def test_settings_do_not_change() -> None:
    with pytest.raises(ValueError, match="frozen"):
        Settings().name = "other"
