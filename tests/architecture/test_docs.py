"""The documentation under test: links, examples, named tests and pages, and tables from code."""

import re
from collections import Counter
from functools import cache
from pathlib import Path

import pytest

from coordinator.jobs import TRANSITIONS
from coordinator.wire import JobState
from party_node import collaboration_file
from party_node.phases import PHASES
from protocols import release
from protocols.dp import budget, coins, noise
from protocols.registry import REGISTRY, RINGS

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"
PAGES = sorted([*ROOT.glob("*.md"), *DOCS.rglob("*.md")])
ADRS = sorted((DOCS / "adr").glob("*.md"))

FENCE = re.compile(r"^( *)(`{3,}|~{3,})([a-z]*)[^\n]*\n(.*?)^\1\2 *$", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"(?<!!)\[[^\]]*\]\(([^)\s]+)\)")
HEADING = re.compile(r"^#{1,6} +(.+?) *#*$", re.MULTILINE)
REGISTRY_HOST = re.compile(
    r"pypi\.org|pythonhosted\.org|conda\.anaconda\.org|index-url", re.IGNORECASE
)
MACHINE_PATH = re.compile(r"(?<![\w.~$/}-])/(?:home|root|work|tmp|Users)/")
PAGE_IN_CODE = re.compile(r"docs/[a-z0-9_/-]+\.md")
TEST_NAME = re.compile(r"`(test_[a-z0-9_]+)`")
CODE_ROOTS = ("protocols", "consent", "coordinator", "party_node", "tests", "benchmarks")
MODULE_PATH = re.compile(r"`((?:[\w-]+/)*[\w-]+\.py|(?:" + "|".join(CODE_ROOTS) + r")/[\w./-]*)`")


def named(path: Path) -> str:
    return str(path.relative_to(ROOT))


@cache
def text_of(page: Path) -> str:
    return page.read_text(encoding="utf-8")


@cache
def prose_of(page: Path) -> str:
    return FENCE.sub("", text_of(page))


@cache
def anchors_of(page: Path) -> frozenset[str]:
    """Return the anchors that GitHub makes of a page's headings."""
    seen: Counter[str] = Counter()
    found = []
    for heading in HEADING.findall(prose_of(page)):
        plain = LINK.sub(lambda link: link.group(0)[1:].split("]")[0], heading)
        slug = re.sub(r"[^\w\- ]", "", plain.lower()).replace(" ", "-")
        found.append(f"{slug}-{seen[slug]}" if seen[slug] else slug)
        seen[slug] += 1
    return frozenset(found)


def blocks(page: Path, language: str) -> list[str]:
    return [body for _, _, found, body in FENCE.findall(text_of(page)) if found == language]


def table(page: Path, heading: str) -> list[list[str]]:
    """Return the rows of the first table under a heading, without its header."""
    section = text_of(page).split(f"\n{heading}\n", 1)[1].split("\n#", 1)[0]
    rows = [line for line in section.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in row.strip("|").split("|")] for row in rows[2:]]


@pytest.mark.parametrize("page", PAGES, ids=named)
def test_every_relative_link_resolves(page: Path) -> None:
    broken = []
    for link in LINK.findall(prose_of(page)):
        if re.match(r"[a-z]+:", link):
            continue
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        if not target.exists() or (
            anchor and target.suffix == ".md" and anchor not in anchors_of(target)
        ):
            broken.append(link)
    assert broken == []


@pytest.mark.parametrize("page", PAGES, ids=named)
def test_no_page_names_a_registry_or_a_path_of_some_machine(page: Path) -> None:
    found = REGISTRY_HOST.findall(text_of(page)) + MACHINE_PATH.findall(text_of(page))
    assert found == []


def test_the_map_of_the_docs_names_every_page() -> None:
    map_page = DOCS / "README.md"
    linked = {
        (DOCS / link.partition("#")[0]).resolve() for link in LINK.findall(prose_of(map_page))
    }
    missing = [named(page) for page in PAGES if page != map_page and page not in linked]
    assert missing == []


@pytest.mark.parametrize("protocol", sorted({*REGISTRY, *RINGS}))
def test_every_protocol_has_a_spec_page_that_names_it(protocol: str) -> None:
    bare = protocol.partition("/")[0]
    # What is put together of two protocols is on the page about putting together.
    stems = (bare, "alignment") if bare.startswith("sums-join-") else (bare,)
    pages = [
        page
        for page in (DOCS / "spec").glob("*.md")
        if any(stem.startswith(page.stem) for stem in stems)
    ]
    assert any(protocol in text_of(page) for page in pages)


@pytest.mark.parametrize("protocol", sorted({*REGISTRY, *RINGS}))
def test_the_readme_says_who_learns_what_of_every_protocol(protocol: str) -> None:
    rows = table(ROOT / "README.md", "## Who learns what")
    assert any(f"`{protocol}`" in row[0] for row in rows)


def test_every_page_that_code_names_exists() -> None:
    sources = [
        path
        for package in ("protocols", "consent", "coordinator", "party_node")
        for path in (ROOT / package).rglob("*.py")
    ]
    missing = {
        f"{named(path)}: {page}"
        for path in sources
        for page in PAGE_IN_CODE.findall(path.read_text(encoding="utf-8"))
        if not (ROOT / page).is_file()
    }
    assert missing == set()


@pytest.mark.parametrize("page", PAGES, ids=named)
def test_every_file_of_code_that_a_page_names_exists(page: Path) -> None:
    files = {named(path) for root in CODE_ROOTS for path in (ROOT / root).rglob("*.py")}
    names = {file.rpartition("/")[2] for file in files}
    missing = [
        found
        for found in MODULE_PATH.findall(prose_of(page))
        if not ((ROOT / found).exists() if "/" in found else found in names)
    ]
    assert missing == []


def test_every_test_that_a_page_names_exists() -> None:
    code = "\n".join(path.read_text(encoding="utf-8") for path in (ROOT / "tests").rglob("*.py"))
    defined = set(re.findall(r"def (test_\w+)", code))
    used = {
        (named(page), test)
        for page in (*PAGES,)
        for test in TEST_NAME.findall(text_of(page))
        if page != ROOT / "CHANGELOG.md"
    }
    assert {(page, test) for page, test in used if test not in defined} == set()
    assert used


def test_every_collaboration_in_the_docs_parses() -> None:
    examples = [
        (named(page), body)
        for page in PAGES
        for body in blocks(page, "yaml")
        if body.startswith("collaboration:")
    ]
    for page, body in examples:
        assert collaboration_file.parse(body).parties, page
    assert examples


def test_the_job_page_explains_every_field_of_a_collaboration() -> None:
    explained = " ".join(row[0] for row in table(DOCS / "spec/job.md", "## 1. The collaboration"))
    fields = collaboration_file.CollaborationFile.model_fields
    assert [name for name in fields if f"`{name}" not in explained] == []


def test_the_job_page_has_the_coordinators_state_table() -> None:
    stated = {tuple(row) for row in table(DOCS / "spec/job.md", "## 3. States at the coordinator")}
    coded = {
        (state.value, event.value, rule.by.value, rule.to.value)
        for (state, event), rule in TRANSITIONS.items()
    }
    assert stated == coded
    page = text_of(DOCS / "spec/job.md")
    assert [state for state in JobState if f"{state.value}" not in page] == []


def test_the_job_page_has_the_phases_in_order() -> None:
    rows = table(DOCS / "spec/job.md", "## 5. A run, phase by phase")
    assert [row[0].strip("`") for row in rows] == list(PHASES)


def test_the_prices_on_the_budget_page_are_right() -> None:
    for row in table(DOCS / "concepts/privacy-budget.md", "## The unit: rho"):
        nano = budget.Rho.parse(row[0].split()[0]).nano
        sigma = budget.sigma_for(nano)
        assert float(row[1]) == sigma
        assert row[2] == f"± {noise.half_width(sigma)}"
        assert float(row[3]) == budget.epsilon(nano, 8)


def test_the_dummies_on_the_budget_page_are_right() -> None:
    for row in table(DOCS / "concepts/privacy-budget.md", "## Noise before the count"):
        nano = budget.Rho.parse(row[0]).nano
        found = [coins.least(nano, strict) for strict in (True, False)]
        assert [int(row[1]), int(row[3])] == found
        assert [row[2], row[4]] == [f"± {coins.half_width(nano, n)}" for n in found]


def test_the_questions_on_the_budget_page_are_right() -> None:
    for row in table(DOCS / "concepts/privacy-budget.md", "## Questions left"):
        left = budget.Rho.parse(row[0])
        assert [int(cell) for cell in row[1:]] == [
            budget.questions_left(left, width) for width in (25, 50, 100)
        ]


def test_the_budget_page_says_everything_that_is_charged() -> None:
    rows = table(DOCS / "concepts/privacy-budget.md", "### The words of a charge")
    assert [row[0].strip("`") for row in rows] == list(release.CHARGED)


@pytest.mark.parametrize("page", ADRS, ids=named)
def test_a_decision_is_a_page_at_most(page: Path) -> None:
    lines = text_of(page).splitlines()
    assert len(lines) < 80
    assert lines[0].startswith(f"# {int(page.name[:4])}. ")
    assert any(line.startswith("Status: ") for line in lines)


def test_decisions_are_numbered_without_gaps() -> None:
    assert [int(page.name[:4]) for page in ADRS] == list(range(1, len(ADRS) + 1))


def test_the_readme_begins_with_one_sentence() -> None:
    first = text_of(ROOT / "README.md").splitlines()[0].strip("#* ")
    assert first.endswith(".")
    assert first.count(". ") == 0


def test_fences_are_closed() -> None:
    open_ended = [
        named(page) for page in PAGES if re.search(r"^ *(```|~~~)", prose_of(page), re.MULTILINE)
    ]
    assert open_ended == []
