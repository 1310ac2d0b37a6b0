"""What reruns: nothing without an edit, and after one exactly the rules that depend on what was edited."""

import copy
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import yaml

from easyhard.code_hash import import_closure
from repository import Repository

ROOT = Path(__file__).parents[2]
SCRIPTS = ROOT / "workflow" / "scripts"
SCRIPT_OF_RULE = {
    rule: script
    for smk in sorted((ROOT / "workflow" / "rules").glob("*.smk"))
    for rule, script in re.findall(r"^rule (\w+):.*?scripts/(\w+\.py)\"", smk.read_text(), re.MULTILINE | re.DOTALL)
}
MODULES = sorted(str(path.relative_to(SCRIPTS)) for path in (SCRIPTS / "easyhard").rglob("*.py"))

# what only the Snakefile itself uses, to read the settings and to hash code: no rule's result depends on it
OF_THE_SNAKEFILE = {"easyhard/configuration.py", "easyhard/code_hash.py"}

# a changed value for each setting, and the first rules that must see it; what depends on them follows
CORPUS = {"load_corpus"}
CUT = {"train", "dump_activations", "evaluate_loss", "draw_figures"}
KEYS: dict[str, tuple[Any, set[str]]] = {
    "seed": (7, {"train", "exit_classifier", "loss_probes", "metric_probes", "evaluate_loss"}),
    "corpus.source": ("files", CORPUS),
    "corpus.documents": ("whole", set()),  # of sources that the run does not read
    "corpus.bundled.seed": (1, CORPUS),
    "corpus.bundled.validation": (0.2, CORPUS),
    "corpus.bundled.test": (0.2, CORPUS),
    "corpus.hub.name": ("other", set()),
    "corpus.hub.config": ("other", set()),
    "corpus.files.path": ("other", set()),
    "corpus.files.train": ("other", set()),
    "corpus.files.validation": ("other", set()),
    "corpus.files.test": ("other", set()),
    "tokens.tokenizer": ("whitespace", {"tokenize"}),
    "tokens.vocabulary_from": (["train"], {"tokenize"}),
    "sequences.length": (16, CUT),
    "sequences.train": (200, CUT),
    "sequences.validation": (100, CUT),
    "sequences.batch_size": (8, CUT),
    "model.dim": (32, {"train", "dump_activations"}),
    "model.heads": (4, {"train", "dump_activations"}),
    "model.ffn_dim": (16, {"train", "dump_activations"}),
    "model.block_layers": ([1], {"train", "dump_activations"}),
    "training.learning_rate": (0.1, {"train"}),
    "training.gradient_clip": (2.0, {"train"}),
    "training.max_epochs": (1, {"train"}),
    "training.patience": (1, {"train"}),
    "activations.shards": (3, {"dump_activations"}),
    "exit_classifier.learning_rate": (0.1, {"exit_classifier"}),
    "exit_classifier.epochs": (2, {"exit_classifier"}),
    "loss_probes.test_share": (0.2, {"loss_probes"}),
    "loss_probes.validation_share": (0.2, {"loss_probes"}),
    "loss_probes.easy_threshold": (4.0, {"loss_probes", "evaluate_probes"}),
    "loss_probes.learning_rate": (0.1, {"loss_probes"}),
    "loss_probes.batch_size": (64, {"loss_probes"}),
    "loss_probes.max_epochs": (1, {"loss_probes"}),
    "loss_probes.patience": (1, {"loss_probes"}),
    "metric_probes.test_share": (0.3, {"metric_probes"}),
    "metric_probes.hidden": (8, {"metric_probes"}),
    "metric_probes.learning_rate": (0.1, {"metric_probes"}),
    "metric_probes.batch_size": (64, {"metric_probes"}),
    "metric_probes.epochs": (1, {"metric_probes"}),
    "low_rank.ranks": ([2, 8], {"low_rank"}),
}


@pytest.fixture(scope="module")
def repository(finished: Repository, tmp_path_factory: pytest.TempPathFactory) -> Repository:
    """A copy of the finished run that this module may edit."""
    return finished.copy(tmp_path_factory.mktemp("edited") / "repository")


@pytest.fixture(scope="module")
def downstream(repository: Repository) -> dict[str, set[str]]:
    """Each rule with all that depend on it, from the rule graph that Snakemake draws."""
    dot = repository.snakemake("results/small/report.md", "--rulegraph").stdout
    names = dict(re.findall(r"(\d+)\[.*?label ?= ?\"(\w+)", dot))
    edges = [(names[a], names[b]) for a, b in re.findall(r"(\d+) -> (\d+)", dot)]
    found = {rule: {rule} for rule in names.values()}
    for _ in names:  # as many rounds as the longest path can need
        for before, after in edges:
            for dependents in found.values():
                if before in dependents:
                    dependents.add(after)
    return found


@contextmanager
def edited(path: Path, addition: str) -> Iterator[None]:
    """The file with something added, put back afterwards with its old time."""
    text, times = path.read_bytes(), path.stat()
    path.write_bytes(text + addition.encode())
    try:
        yield
    finally:
        path.write_bytes(text)
        os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))


def with_dependents(rules: set[str], downstream: dict[str, set[str]]) -> set[str]:
    return set().union(*(downstream[rule] for rule in rules))


def test_a_second_run_has_nothing_to_do(finished: Repository) -> None:
    assert "Nothing to be done" in finished.snakemake("--dry-run", "--cores", "1").stdout


def test_editing_a_script_reruns_its_rule_and_what_follows(
    repository: Repository, downstream: dict[str, set[str]]
) -> None:
    for rule, script in SCRIPT_OF_RULE.items():
        with edited(repository.root / "workflow" / "scripts" / script, "\nEDITED = 1\n"):
            assert repository.would_run("results/small/report.md") == downstream[rule], script


def test_editing_a_module_reruns_what_imports_it_and_what_follows(
    repository: Repository, downstream: dict[str, set[str]]
) -> None:
    closures = {rule: import_closure(SCRIPTS / script) for rule, script in SCRIPT_OF_RULE.items()}
    importers = {module: {rule for rule, files in closures.items() if SCRIPTS / module in files} for module in MODULES}
    assert {module for module, rules in importers.items() if not rules} == OF_THE_SNAKEFILE
    for module, rules in importers.items():
        with edited(repository.root / "workflow" / "scripts" / module, "\nEDITED = 1\n"):
            ran = repository.would_run("results/small/report.md")
        assert ran == with_dependents(rules, downstream), module


@pytest.mark.parametrize(
    ("path", "rules"),
    [
        ("easyhard/report/template.md.j2", {"write_report"}),
        ("easyhard/report/findings.py", {"write_report"}),
        ("easyhard/report/style.py", {"draw_figures"}),
        ("easyhard/probes/exit_classifier.py", {"exit_classifier"}),
        ("easyhard/logits/low_rank.py", {"low_rank"}),
        ("easyhard/evaluation/thresholds.py", {"evaluate_signals"}),
        ("easyhard/model/layers.py", {"train", "dump_activations"}),
        ("../resources/published.csv", {"gather_metrics"}),
    ],
)
def test_edits_whose_reach_is_known(
    repository: Repository, downstream: dict[str, set[str]], path: str, rules: set[str]
) -> None:
    with edited(repository.root / "workflow" / "scripts" / path, "\n" if path.endswith("csv") else "\nEDITED = 1\n"):
        ran = repository.would_run("results/small/report.md")
    assert ran == with_dependents(rules, downstream)
    assert path != "easyhard/report/template.md.j2" or ran == {"write_report"}


def test_a_comment_reruns_nothing(repository: Repository) -> None:
    with edited(repository.root / "workflow" / "scripts" / "easyhard" / "model" / "layers.py", "\n# a remark\n"):
        assert "Nothing to be done" in repository.snakemake("results/small/report.md", "--dry-run").stdout


def leaves(settings: dict[str, Any], prefix: str = "") -> Iterator[str]:
    for key, value in settings.items():
        if isinstance(value, dict):
            yield from leaves(value, f"{prefix}{key}.")
        else:
            yield prefix + key


def test_every_setting_reruns_exactly_what_reads_it(repository: Repository, downstream: dict[str, set[str]]) -> None:
    config = yaml.safe_load((repository.root / "small.yaml").read_text())
    defaults = yaml.safe_load((repository.root / "config.yaml").read_text())["defaults"]
    assert set(KEYS) == set(leaves(defaults))
    for key, (value, rules) in KEYS.items():
        changed = copy.deepcopy(config)
        node = changed["runs"]["small"]
        *parents, last = key.split(".")
        for parent in parents:
            node = node.setdefault(parent, {})
        node[last] = value
        if key == "model.dim":
            assert rules  # ranks stay within dim
        if key == "corpus.source":
            changed["runs"]["small"]["corpus"]["files"] = {"path": "texts"}
        (repository.root / "changed.yaml").write_text(yaml.safe_dump(changed))
        run = repository.would_run("results/small/report.md", overlay="changed.yaml")
        # the report shows all settings
        assert run == with_dependents(rules, downstream) | {"write_report"}, key
