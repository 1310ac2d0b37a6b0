"""What reruns: nothing without an edit, and after one exactly the rules that depend on what was edited."""

import copy
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
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

# what only the Snakefile itself uses, to read settings, hash code and name figures: no rule's result depends on it
OF_THE_SNAKEFILE = {
    *("easyhard/configuration.py", "easyhard/code_hash.py", "easyhard/corpora.py", "easyhard/killed.py"),
    "easyhard/report/fair_names.py",
}

# a changed value for each setting, and the first rules that must see it; what depends on them follows
CORPUS = {"load_corpus"}
CUT = {"train", "dump_activations", "evaluate_loss", "draw_figures", "dump_fair", "fair_tokens"}
MODEL = {"train", "dump_activations", "dump_fair"}
SEEDED = {
    *("train", "exit_classifier", "loss_probes", "metric_probes", "evaluate_loss"),
    *("fair_tokens", "fit_references", "test_words", "fair_probes", "learning_curve", "fair_stacks"),
    *("evaluate_fair", "evaluate_strata", "evaluate_shape", "evaluate_learning"),
}
PROBES = {"fair_probes", "learning_curve"}
REGISTRY_READERS = {"evaluate_fair", "evaluate_strata", "fair_stacks", "evaluate_signals", "evaluate_low_rank"}
IMPORT_FILES = (
    *("path", "hidden", "head", "head_bias", "loss", "target", "target_count", "token"),
    *("document", "sequence", "position", "part", "argmax_wrong"),
)
KEYS: dict[str, tuple[Any, set[str]]] = {
    "seed": (7, SEEDED),
    **{f"input.{key}": ("texts", set()) for key in IMPORT_FILES},  # what only a run from elsewhere reads
    "input.head_softcap": (30.0, set()),
    "input.leave_out": (["x"], set()),
    "corpus.source": ("files", CORPUS),
    "corpus.documents": ("whole", set()),  # of sources that the run does not read
    "corpus.bundled.seed": (1, CORPUS),
    "corpus.bundled.validation": (0.2, CORPUS),
    "corpus.bundled.test": (0.25, CORPUS),
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
    "model.dim": (32, MODEL),
    "model.heads": (4, MODEL),
    "model.ffn_dim": (16, MODEL),
    "model.block_layers": ([1], MODEL),
    "model.path": ("texts", set()),  # what only a model from elsewhere reads: see test_huggingface.py
    "model.revision": ("v2", set()),
    "model.dtype": ("bfloat16", set()),
    "model.device": ("cpu", set()),
    "model.packing": ("packed", set()),
    "model.window": (16, set()),
    "model.batch_size": (4, set()),
    "training.learning_rate": (0.1, {"train"}),
    "training.gradient_clip": (2.0, {"train"}),
    "training.max_epochs": (1, {"train"}),
    "training.patience": (1, {"train"}),
    "activations.shards": (3, {"dump_activations", "dump_fair"}),
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
    "fair.tokens": (9000, {"dump_fair"}),
    "fair.fit": (0.3, {"fair_tokens"}),
    "fair.select": (0.3, {"fair_tokens"}),
    "fair.thresholds": ([3, 8], {"evaluate_fair", "evaluate_ceilings"}),
    "fair.main_threshold": (5, {*PROBES, "fair_stacks", "evaluate_fair", "evaluate_strata", "evaluate_learning"}),
    "fair.resamples": (200, {"evaluate_fair", "evaluate_strata", "evaluate_learning"}),
    "fair.draws": (3, {"test_words"}),
    "fair.references": (80, {"fit_references", "fair_stacks", "evaluate_fair"}),
    "fair_low_rank.kinds": (["plain", "weighted"], {"evaluate_fair", "evaluate_fair_low_rank"}),
    "fair_low_rank.ranks": ([2, 3], {"fair_low_rank"}),
    "fair_low_rank.refined": (9, {"fair_low_rank", "fair_stacks", "evaluate_fair"}),
    **{
        f"fair_probes.{key}": (value, PROBES)
        for key, value in {
            "tokens": 900, "hidden": 9, "seeds": 1, "learning_rate": 0.1, "batch_size": 64, "max_epochs": 1,
            "patience": 1, "label_share": 0.4, "folds": 3,
        }.items()
    },
    **{
        f"stacks.{key}": (value, {"fair_stacks"})
        for key, value in {
            "tokens": 900, "learning_rates": [0.2], "leaves": [5], "max_trees": 9, "patience": 2, "folds": 3,
            "tuning_tokens": 900, "importance_tokens": 900, "importance_repeats": 1,
        }.items()
    },
}  # fmt: skip


@pytest.fixture(scope="module")
def repository(finished: Repository, tmp_path_factory: pytest.TempPathFactory) -> Repository:
    """A copy of the finished run that this module may edit."""
    return finished.copy(tmp_path_factory.mktemp("edited") / "repository")


@pytest.fixture(scope="module")
def downstream(repository: Repository) -> dict[str, set[str]]:
    """Each rule with all rules whose jobs depend on one of its own, from the graph of jobs that Snakemake draws."""
    dot = repository.snakemake("results/small/report.md", "--dag").stdout
    names = dict(re.findall(r"(\d+)\[.*?label ?= ?\"(\w+)", dot))
    followers: dict[str, set[str]] = {job: set() for job in names}
    for before, after in re.findall(r"(\d+) -> (\d+)", dot):
        followers[before].add(after)

    @cache
    def reached(job: str) -> frozenset[str]:
        return frozenset({names[job]}).union(*map(reached, followers[job]))

    return {rule: set().union(*(reached(job) for job in names if names[job] == rule)) for rule in names.values()}


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


def test_every_rule_carries_the_hash_of_its_own_script() -> None:
    rules = "".join(smk.read_text() for smk in sorted((ROOT / "workflow" / "rules").glob("*.smk")))
    for body in re.split(r"^(?:use )?rule ", rules, flags=re.MULTILINE)[1:]:
        if script := re.search(r'script:\s*"../scripts/(\w+\.py)"', body):
            assert f'code=code_hash("{script[1]}")' in body


def hashes(root: Path) -> dict[str, str]:
    """The hash that each script's rule carries, as the Snakefile of `root` computes it."""
    scripts = root / "workflow" / "scripts"
    program = "import sys; from easyhard.code_hash import code_hash; print(*map(code_hash, sys.argv[1:]))"
    names = sorted(set(SCRIPT_OF_RULE.values()))
    run = subprocess.run(
        [sys.executable, "-c", program, *names], cwd=scripts, capture_output=True, text=True, check=True
    )
    return dict(zip(names, run.stdout.split(), strict=True))


def test_an_edit_changes_the_hashes_of_exactly_the_scripts_that_import_the_file(repository: Repository) -> None:
    closures = {script: import_closure(SCRIPTS / script) for script in SCRIPT_OF_RULE.values()}
    importers = {
        file: {script for script, files in closures.items() if SCRIPTS / file in files}
        for file in (*MODULES, *closures)
    }
    assert {file for file, scripts in importers.items() if not scripts} == OF_THE_SNAKEFILE
    before = hashes(repository.root)
    for file in sorted(importers)[::12]:  # each takes a second
        scripts = importers[file]
        with edited(repository.root / "workflow" / "scripts" / file, "\nEDITED = 1\n"):
            after = hashes(repository.root)
        assert {script for script in before if before[script] != after[script]} == scripts, file


@pytest.mark.parametrize(
    ("path", "rules"),
    [
        ("easyhard/report/template.md.j2", {"write_report"}),
        ("easyhard/report/findings.py", {"write_report", "draw_fair_figures"}),
        ("easyhard/report/style.py", {"draw_figures", "draw_fair_figures"}),
        ("easyhard/probes/exit_classifier.py", {"exit_classifier"}),
        ("easyhard/logits/low_rank.py", {"low_rank", "low_rank_fidelity", "fair_low_rank"}),
        ("easyhard/evaluation/thresholds.py", {"evaluate_signals"}),
        ("easyhard/model/layers.py", {"train", "dump_activations", "dump_fair"}),
        ("fair_probes.py", {"fair_probes"}),
        ("easyhard/signals/head.py", {"head_signals", *REGISTRY_READERS}),
        ("easyhard/evaluation/judge.py", {"evaluate_fair", "evaluate_learning", "evaluate_strata"}),
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


def test_runs_on_the_same_text_share_its_tokens(repository: Repository) -> None:
    runs = {
        "seed": {"seed": 7},
        "split": {"tokens": {"tokenizer": "whitespace"}},
        "text": {"corpus": {"bundled": {"seed": 7}}},
    }
    (repository.root / "more.yaml").write_text(yaml.safe_dump({"runs": runs}))
    ran = {run: repository.would_run(f"results/{run}/model/summary.json", overlay="more.yaml") for run in runs}
    assert ran == {"seed": {"train"}, "split": {"tokenize", "train"}, "text": {"load_corpus", "tokenize", "train"}}


def leaves(settings: dict[str, Any], prefix: str = "") -> Iterator[str]:
    for key, value in settings.items():
        if isinstance(value, dict):
            yield from leaves(value, f"{prefix}{key}.")
        else:
            yield prefix + key


def test_every_setting_reruns_exactly_what_reads_it(repository: Repository, downstream: dict[str, set[str]]) -> None:
    config = yaml.safe_load((repository.root / "small.yaml").read_text())
    defaults = yaml.safe_load((repository.root / "config.yaml").read_text())["defaults"]
    assert set(KEYS) == set(leaves(defaults)) - {"input.kind", "model.kind"}  # another kind makes another run
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
            changed["runs"]["small"]["corpus"]["files"] = {"path": "texts/"}  # not as `again` has it: that is there
        (repository.root / "changed.yaml").write_text(yaml.safe_dump(changed))
        run = repository.would_run("results/small/report.md", overlay="changed.yaml")
        # the report shows all settings
        assert run == with_dependents(rules, downstream) | {"write_report"}, key
