"""The home folder: made once, for its owner only, and refused when others can read its secrets."""

import json
import stat

import pytest

from party_node.errors import (
    HomeDamaged,
    HomeExists,
    HomeMissing,
    InvalidSettings,
    SecretsExposed,
)
from party_node.home import SECRET_FILES, Home
from tests.support.node import SeededRng


def make(path, **changes):
    values = {"party": "brand", "name": "Brand Ltd", **changes}
    return Home.create(path, **values, rng=SeededRng())


def test_a_home_opens_with_what_it_was_made_with(tmp_path):
    made = make(tmp_path / "h", listen_port=8401)
    opened = Home.open(tmp_path / "h", environ={})
    assert opened.settings == made.settings
    assert opened.settings.listen_port == 8401
    assert opened.keys == made.keys
    assert opened.keys.party == "brand"
    assert (opened.ledger_seed, opened.kek, opened.token) == (
        made.ledger_seed,
        made.kek,
        made.token,
    )
    assert len({opened.ledger_seed, opened.kek, bytes.fromhex(opened.token)}) == 3
    assert opened.runs.is_dir()
    assert opened.datasets.is_dir()
    assert opened.audiences.is_dir()
    assert opened.database_url == f"sqlite:///{tmp_path / 'h' / 'node.db'}"


def test_secret_files_are_for_the_owner_only(tmp_path):
    make(tmp_path / "h")
    assert stat.S_IMODE((tmp_path / "h").stat().st_mode) == 0o700
    for name in SECRET_FILES:
        assert stat.S_IMODE((tmp_path / "h" / name).stat().st_mode) == 0o600, name


def test_an_existing_home_is_never_overwritten(tmp_path):
    make(tmp_path / "h")
    with pytest.raises(HomeExists):
        make(tmp_path / "h")
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "letter.txt").write_text("x")
    with pytest.raises(HomeExists):
        make(tmp_path / "full")


def test_a_folder_without_a_node_is_said_so(tmp_path):
    with pytest.raises(HomeMissing) as caught:
        Home.open(tmp_path / "none", environ={})
    assert caught.value.code == "home-missing"
    assert caught.value.hint


@pytest.mark.parametrize("name", SECRET_FILES)
def test_exposed_secret_is_refused_with_the_command_that_mends_it(tmp_path, name):
    make(tmp_path / "h")
    (tmp_path / "h" / name).chmod(0o640)
    with pytest.raises(SecretsExposed) as caught:
        Home.open(tmp_path / "h", environ={})
    assert caught.value.hint == f"run: chmod 600 {tmp_path / 'h' / name}"


@pytest.mark.parametrize("name", SECRET_FILES)
def test_a_missing_or_short_secret_is_refused(tmp_path, name):
    make(tmp_path / "h")
    (tmp_path / "h" / name).write_bytes(b"short")

    def use():
        home = Home.open(tmp_path / "h", environ={})
        return home.ledger_seed, home.kek, home.token

    with pytest.raises(HomeDamaged, match=name):
        use()
    (tmp_path / "h" / name).unlink()
    with pytest.raises(HomeDamaged, match=name):
        use()


def test_environment_overrides_the_file_and_unknown_names_are_errors(tmp_path):
    make(tmp_path / "h")
    environ = {"ACCORD_NODE_LISTEN_PORT": "9000", "ACCORD_NODE_HOME": "x", "PATH": "/bin"}
    assert Home.open(tmp_path / "h", environ).settings.listen_port == 9000
    with pytest.raises(InvalidSettings, match="listen_prot"):
        Home.open(tmp_path / "h", {"ACCORD_NODE_LISTEN_PROT": "1"})
    with pytest.raises(InvalidSettings, match="listen_port"):
        Home.open(tmp_path / "h", {"ACCORD_NODE_LISTEN_PORT": "many"})


def test_unknown_keys_in_the_settings_file_are_errors_without_their_values(tmp_path):
    make(tmp_path / "h")
    file = tmp_path / "h" / "node.json"
    stored = json.loads(file.read_text()) | {"database_ulr": "postgresql://u:hidden@h/d"}
    file.write_text(json.dumps(stored))
    with pytest.raises(InvalidSettings, match="database_ulr") as caught:
        Home.open(tmp_path / "h", environ={})
    assert "hidden" not in str(caught.value)


@pytest.mark.parametrize(
    "changes", [{"party": "Brand Ltd"}, {"party": ""}, {"listen_port": 99999}, {"name": ""}]
)
def test_settings_that_do_not_hold_make_no_home(tmp_path, changes):
    with pytest.raises(InvalidSettings):
        make(tmp_path / "h", **changes)
    assert not (tmp_path / "h").exists()


def test_settings_can_be_changed_but_not_the_party(tmp_path):
    home = make(tmp_path / "h")
    home.save(home.settings.model_copy(update={"coordinator_url": "https://hub.example"}))
    assert Home.open(tmp_path / "h", {}).settings.coordinator_url == "https://hub.example"
    with pytest.raises(InvalidSettings):
        home.save(home.settings.model_copy(update={"party": "other"}))
