"""README and docs hold: examples run as they stand, links lead somewhere, what is named exists."""

import ast
import re
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml

from easyhard.configuration import comparison_groups, load_runs, overlay
from easyhard.logits.moments import moments
from easyhard.signals.context import context_signals
from easyhard.signals.declare import REGISTERED
from easyhard.signals.head_batch import head_signals
from easyhard.signals.hidden_batch import fit_references, hidden_signals
from easyhard.signals.registry import find

ROOT = Path(__file__).parents[2]
SCRIPTS = ROOT / "workflow" / "scripts"
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
MOST_LINES = {"README.md": 200, "architecture.md": 110}


def read(page: Path) -> str:
    return page.read_text(encoding="utf-8")


def blocks(language: str) -> list[Any]:
    """Each fenced block of a language as a case of its own, called after its page."""
    return [
        pytest.param(block, id=page.name)
        for page in PAGES
        for block in re.findall(rf"^```{language}\n(.*?)^```", read(page), re.MULTILINE | re.DOTALL)
    ]


def anchors(page: Path) -> set[str]:
    headings = re.findall(r"^#+ (.*)$", read(page), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


def computed(name: str) -> torch.Tensor:
    """The column of a registered signal on random states, by the function that computes its class."""
    draw = torch.Generator().manual_seed(1)
    hidden, head = torch.randn(12, 8, generator=draw), torch.randn(50, 8, generator=draw)
    needs = find(name).needs
    if needs == "head":
        return head_signals(hidden, head)[name]
    if needs == "hidden":
        return hidden_signals(hidden, moments(head), fit_references([hidden], 12, seed=1, count=12))[name]
    assert needs == "context"
    return torch.tensor(context_signals({"document": [0] * 12, "loss": [1.0] * 12}, mean_loss=1.0)[name])


@pytest.mark.parametrize("code", [case for case in blocks("python") if "@signal" in case.values[0]])
def test_an_added_signal_is_computed_and_known_by_name(code: str) -> None:
    known = set(REGISTERED)
    try:
        exec(code, {})
        [name] = set(REGISTERED) - known
        column = computed(name)
        assert column.isfinite().all()
        assert len(column.unique()) > 1
    finally:
        for added in set(REGISTERED) - known:
            del REGISTERED[added]


def test_the_signal_of_the_readme_is_what_its_formula_says() -> None:
    [code] = re.findall(r"^```python\n(.*?)^```", read(PAGES[0]), re.MULTILINE | re.DOTALL)
    assert len(code.strip().splitlines()) <= 10
    own: dict[str, Any] = {}
    try:
        exec(code, own)
        p = torch.tensor([0.2, 0.5, 0.9])
        assert torch.allclose(own["log_odds"](p), (p / (1 - p)).log())
    finally:
        REGISTERED.pop("log_odds", None)


@pytest.mark.parametrize("code", blocks("python"))
def test_every_python_block_parses(code: str) -> None:
    ast.parse(code)


@pytest.mark.parametrize("block", blocks("yaml"))
def test_every_yaml_block_is_a_valid_overlay(block: str) -> None:
    own = yaml.safe_load(block)
    config = overlay(yaml.safe_load(read(ROOT / "config.yaml")), own)
    runs = load_runs(config, ROOT / "workflow" / "schemas" / "config.schema.yaml")
    for comparison in own.get("comparisons", {}):
        assert comparison_groups(config, runs, comparison)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_link_leads_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)\s]+)\)", read(page)):
        if not target.startswith("https://"):
            path, _, anchor = target.partition("#")
            found = page.parent / path if path else page
            assert found.is_file(), target
            assert not anchor or anchor in anchors(found), target


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_file_and_target_that_is_named_exists(page: Path) -> None:
    text = read(page)
    for path in re.findall(r"(?<![\w/.-])((?:easyhard|workflow|tests|envs)/[\w./-]*)`", text):
        assert (ROOT / path).exists() or (SCRIPTS / path).exists() or path.endswith("NAME.py"), path
    targets = set(re.findall(r"^(\w+):", read(ROOT / "Makefile"), re.MULTILINE))
    assert set(re.findall(r"(?:^|`)make (\w+)", text, re.MULTILINE)) <= targets


@pytest.mark.parametrize("page", [page for page in PAGES if page.name in MOST_LINES], ids=lambda page: page.name)
def test_what_is_read_first_is_short(page: Path) -> None:
    assert len(read(page).splitlines()) <= MOST_LINES[page.name]


def test_every_page_is_reached_from_the_readme() -> None:
    linked = set(re.findall(r"\]\(docs/([\w-]+\.md)", read(PAGES[0])))
    assert linked == {page.name for page in PAGES[1:]}


def first_cells(heading: str) -> list[str]:
    """The names in backticks in the first column of the table under a heading of the architecture page."""
    section = read(ROOT / "docs" / "architecture.md").split(f"## {heading}\n")[1].split("\n## ")[0]
    rows = re.findall(r"^\| (`[^|]*) \|", section, re.MULTILINE)
    return [name for row in rows for name in re.findall(r"`(\w+)`", row)]


def test_the_architecture_lists_the_rules() -> None:
    files = (ROOT / "workflow" / "rules").glob("*.smk")
    rules = {name for file in files for name in re.findall(r"^rule (\w+):", read(file), re.MULTILINE)}
    assert set(first_cells("Rules")) == rules


def test_rooms_import_only_rooms_above_them() -> None:
    order = first_cells("Rooms of the package")
    package = SCRIPTS / "easyhard"
    assert set(order) == {file.parent.name for file in package.glob("*/__init__.py")}
    for place, room in enumerate(order):
        for file in (package / room).glob("*.py"):
            imported = set(re.findall(r"^\s*(?:from|import) easyhard\.(\w+)", read(file), re.MULTILINE)) & set(order)
            assert imported <= set(order[: place + 1]), f"{file.relative_to(package)} imports {imported}"


def test_evaluation_and_report_do_without_torch() -> None:
    for room in ("evaluation", "report"):
        for file in (SCRIPTS / "easyhard" / room).glob("*.py"):
            assert not re.search(r"^\s*(?:from|import) torch", read(file), re.MULTILINE), file.name
