"""Zones come from the package that is pinned, not from the machine."""

import zoneinfo

import pytest

from party_node.contact import time_zones
from party_node.contact.time_zones import time_zone
from tests.support.clocks import shown, utc


def test_a_zone_is_found_by_its_iana_name():
    found = time_zone("Europe/Paris")
    assert (found.key, time_zone("Europe/Paris")) == ("Europe/Paris", found)
    assert shown(utc("2027-07-01 12:00"), "America/Argentina/Buenos_Aires") == "2027-07-01 09:00"


def test_every_name_of_the_package_has_a_zone_that_a_record_can_name():
    from consent.wall_time import check_zone_name

    names = time_zones._names()
    assert len(names) > 500
    for name in names:
        check_zone_name(name)
        assert time_zone(name) is not None, name


@pytest.mark.parametrize(
    "name", ["", "Europe", "Europe/Atlantis", "europe/paris", "../zones", "zone.tab", "/etc/passwd"]
)
def test_a_path_or_another_name_finds_nothing(name):
    assert time_zone(name) is None


def test_the_machines_own_zone_files_are_not_asked(monkeypatch, tmp_path):
    (tmp_path / "Europe").mkdir()
    (tmp_path / "Europe" / "Paris").write_bytes(b"not a zone file")
    monkeypatch.setattr(zoneinfo, "TZPATH", (str(tmp_path),))
    time_zones._load.cache_clear()
    assert shown(utc("2027-07-01 12:00"), "Europe/Paris") == "2027-07-01 14:00"
