"""The table of `make bench`: every figure beside its aim, and what misses it is said."""

from benchmarks.claims import CLAIMS, Claim, table
from benchmarks.run import SECTIONS

FOUND = {
    "appends": {"sqlite": {"events_a_second": 6000}, "postgresql": {"events_a_second": 4000}},
    "gate": {"seconds": 0.5},
}
SOME = (
    Claim("appends", "appends/*/events_a_second", 5_000, at_least=True),
    Claim("gate", "gate/seconds", 0.5),
    Claim("not measured", "tiles/seconds", 1),
)


def test_each_figure_has_a_line_with_what_was_aimed_at() -> None:
    _, sqlite, postgresql, gate = table(FOUND, SOME).splitlines()
    assert sqlite.split() == ["appends", "(sqlite)", "6,000", "≥", "5,000"]
    assert postgresql.split() == ["appends", "(postgresql)", "4,000", "≥", "5,000", "MISSED"]
    assert gate.split() == ["gate", "0.5", "≤", "0.5"]


def test_every_claim_is_of_a_section_that_is_measured() -> None:
    assert {claim.path.split("/")[0] for claim in CLAIMS} <= SECTIONS.keys()
