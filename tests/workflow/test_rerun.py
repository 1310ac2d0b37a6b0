"""What reruns: nothing without an edit, and after one exactly the rules that depend on what was edited."""

import base64
import json
import os
import re
import shutil
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
from repository import Repository, with_value

ROOT = Path(__file__).parents[2]
SCRIPTS = ROOT / "workflow" / "scripts"
RULES = "".join(smk.read_text() for smk in sorted((ROOT / "workflow" / "rules").glob("*.smk")))
FILES_OF_RULE = {
    rule: (script, *(f"easyhard/families/{name}.py" for name in re.findall(r'"(\w+)"', families)))
    for rule, script, families in re.findall(
        r'^rule (\w+):(?:(?!^rule ).)*?code=code_hash\("(\w+\.py)"(?:, \*family_modules\(([^)]*)\))?\)',
        RULES,
        re.MULTILINE | re.DOTALL,
    )
}
"""The script of each rule, and the families that it imports by name."""
MODULES = sorted(str(path.relative_to(SCRIPTS)) for path in (SCRIPTS / "easyhard").rglob("*.py"))

# what only the Snakefile itself uses, to read settings, hash code and name figures: no rule's result depends on it
OF_THE_SNAKEFILE = {
    *("easyhard/configuration.py", "easyhard/code_hash.py", "easyhard/corpora.py", "easyhard/killed.py"),
}

# a changed value for each setting, and the first rules that must see it; what depends on them follows
CORPUS = {"load_corpus"}
CUT = {"train", "dump_activations", "part_documents", "evaluate"}
MODEL = {"train", "dump_activations"}
EXITS = {
    *("fit_exits", "exit_signals", "exit_probes", "leave_out_layers", "choose_policies", "true_exits", "take_away"),
}
SEEDED = {
    *("train", "part_documents", "check_rows", "fit_statistics", "head_signals", "exit_classifier"),
    *("probes", "stacks", "evaluate"),
}
BYTE_PAIRS = {"tokenizer": "bpe", "vocabulary_size": 1000}  # as the small run has them
IMPORT_FILES = (
    *("path", "hidden", "head", "head_bias", "loss", "target", "target_count", "token"),
    *("document", "sequence", "position", "part", "argmax_wrong", "bytes", "characters", "mask", "lengths"),
)
KEYS: dict[str, tuple[Any, set[str]]] = {
    **{"advice.budget": (0.5, {"evaluate"}), "advice.budgets": ([0.5], {"evaluate"})},
    "advice.margin": (0.01, {"evaluate"}),
    "seed": (7, SEEDED),
    **{f"input.{key}": ("texts", set()) for key in IMPORT_FILES},  # what only a run from elsewhere reads
    "input.head_softcap": (30.0, set()),
    "input.ignored_target": (-1, set()),
    "input.leave_out": (["x"], set()),
    "input.earlier": (["early"], set()),
    "input.layer_multiply_adds": (1000, set()),
    "corpus.source": ("files", CORPUS),
    "corpus.documents": ("whole", set()),  # of sources that the run does not read
    "corpus.text_column": ("body", set()),
    "corpus.bundled.seed": (1, CORPUS),
    "corpus.bundled.validation": (0.2, CORPUS),
    "corpus.bundled.test": (0.25, CORPUS),
    "corpus.hub.name": ("other", set()),
    "corpus.hub.config": ("other", set()),
    "corpus.files.path": ("other", set()),
    "corpus.files.train": ("other", set()),
    "corpus.files.validation": ("other", set()),
    "corpus.files.test": ("other", set()),
    "protocols": (["fair"], {"evaluate"}),
    "tokens.tokenizer": ("whitespace", {"tokenize"}),
    "tokens.vocabulary_from": (["train"], set()),  # of words; this run has byte pairs
    "tokens.vocabulary_size": (900, {"tokenize"}),
    "sequences.length": (16, CUT),
    "sequences.train": (200, CUT),
    "sequences.validation": (100, CUT),
    "sequences.batch_size": (8, CUT),
    "model.dim": (32, MODEL),
    "model.heads": (4, MODEL),
    "model.ffn_dim": (16, MODEL),
    "model.blocks": ([1], MODEL),
    "model.exits": ("all", {*EXITS, "check_rows", "evaluate"}),
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
    "training.exit_weights": ([2], set()),  # of a model trained on all exits
    "training.embedding": ("trained", {"train"}),
    "training.reduction": ("mean", {"train"}),
    **{
        f"training.blocks.{key}": (value, set())  # of one trained block by block
        for key, value in {
            "learning_rates": [0.1], "held_out": 0.3, "label": "distill", "hard_ratio": 0.4, "kept": "output",
            "repacked": False, "classifier.learning_rate": 0.1, "classifier.epochs": 2,
        }.items()
    },
    **{
        f"exits.{key}": (value, set())  # of a run with exits: see test_huggingface.py
        for key, value in {
            "heads": ["lens"], "rank": 5, "near": 0.2, "tokens": 2000, "states": "float16", "left_out_tokens": 900,
            "true_tokens": 900, "point": "layers_50", "guarantee.disagreement": 0.2, "guarantee.excess": 0.1,
            "guarantee.clip": 3.0, "guarantee.delta": 0.05,
            "probes.hidden": 9, "translators.tokens": 900, "translators.held_back": 0.2,
        }.items()
    },
    **{
        f"exits.{step}.{key}": (value, set())
        for step in ("probes", "translators")
        for key, value in {"learning_rate": 0.1, "batch_size": 64, "max_epochs": 1, "patience": 1}.items()
    },
    "activations.shards": (3, {"dump_activations"}),
    "exit_classifier.learning_rate": (0.1, {"exit_classifier"}),
    "exit_classifier.epochs": (2, {"exit_classifier"}),
    "loss_probes.test_share": (0.2, {"probes", "evaluate"}),
    "loss_probes.validation_share": (0.2, {"probes", "evaluate"}),
    "loss_probes.easy_threshold": (4.0, {"probes", "evaluate"}),
    "loss_probes.learning_rate": (0.1, {"probes", "evaluate"}),
    "loss_probes.batch_size": (64, {"probes", "evaluate"}),
    "loss_probes.max_epochs": (1, {"probes", "evaluate"}),
    "loss_probes.patience": (1, {"probes", "evaluate"}),
    "metric_probes.test_share": (0.3, {"probes"}),
    "metric_probes.hidden": (8, {"probes"}),
    "metric_probes.learning_rate": (0.1, {"probes"}),
    "metric_probes.batch_size": (64, {"probes"}),
    "metric_probes.epochs": (1, {"probes"}),
    "low_rank.ranks": ([2, 8], {"low_rank"}),
    "fair.tokens": (9000, {"dump_activations", "part_documents"}),
    "fair.fit": (0.3, {"part_documents", "evaluate"}),
    "fair.select": (0.3, {"part_documents", "evaluate"}),
    "fair.thresholds": ([3, 8], {"evaluate"}),
    "fair.main_threshold": (5, {"check_rows", "probes", "stacks", "evaluate"}),
    "fair.resamples": (200, {"evaluate"}),
    "fair.draws": (3, {"head_signals", "evaluate"}),
    "fair.references": (80, {"fit_statistics", "stacks", "evaluate"}),
    "fair_low_rank.kinds": (["weighted"], {"low_rank", "evaluate"}),
    "fair_low_rank.ranks": ([2, 3], {"check_rows", "low_rank", "evaluate"}),
    "fair_low_rank.refined": (9, {"check_rows", "low_rank", "stacks", "evaluate"}),
    **{
        f"fair_probes.{key}": (value, {"probes", *(["check_rows"] if key in ("tokens", "folds") else [])})
        for key, value in {
            "tokens": 900, "hidden": 9, "seeds": 1, "learning_rate": 0.1, "batch_size": 64, "max_epochs": 1,
            "patience": 1, "label_share": 0.4, "folds": 3,
        }.items()
    },
    **{
        f"stacks.{key}": (value, {"stacks", *(["check_rows"] if key in ("tokens", "folds") else [])})
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
    return set().union(*(downstream.get(rule, {rule}) for rule in rules))


def test_a_second_run_has_nothing_to_do(finished: Repository) -> None:
    assert "Nothing to be done" in finished.snakemake("--dry-run", "--cores", "1").stdout


def test_every_rule_carries_the_hash_of_its_own_script() -> None:
    for body in re.split(r"^(?:use )?rule ", RULES, flags=re.MULTILINE)[1:]:
        if script := re.search(r'script:\s*"../scripts/(\w+\.py)"', body):
            assert f'code=code_hash("{script[1]}"' in body
    assert set(FILES_OF_RULE) == set(re.findall(r"^rule (\w+):", RULES, re.MULTILINE))


def hashes(root: Path) -> dict[str, str]:
    """The hash that each rule carries, as the Snakefile of `root` computes it."""
    program = (
        "import json, sys; from easyhard.code_hash import code_hash; "
        "print(json.dumps({rule: code_hash(*files) for rule, files in json.loads(sys.argv[1]).items()}))"
    )
    command = [sys.executable, "-c", program, json.dumps(FILES_OF_RULE)]
    run = subprocess.run(command, cwd=root / "workflow" / "scripts", capture_output=True, text=True, check=True)
    return json.loads(run.stdout)


def test_an_edit_changes_the_hashes_of_exactly_the_rules_that_import_the_file(repository: Repository) -> None:
    closures = {rule: import_closure(*(SCRIPTS / file for file in files)) for rule, files in FILES_OF_RULE.items()}
    importers = {file: {rule for rule, files in closures.items() if SCRIPTS / file in files} for file in MODULES}
    assert {file for file, rules in importers.items() if not rules} == OF_THE_SNAKEFILE
    before = hashes(repository.root)
    for file in sorted(importers)[::16]:  # each takes a second
        with edited(repository.root / "workflow" / "scripts" / file, "\nEDITED = 1\n"):
            after = hashes(repository.root)
        assert {rule for rule in before if before[rule] != after[rule]} == importers[file], file


@pytest.mark.parametrize(
    ("path", "rules"),
    [
        ("easyhard/report/render.py", {"report"}),
        ("easyhard/probes/founding.py", {"exit_classifier", "probes"}),
        ("easyhard/families/words.py", {"head_signals"}),
        ("easyhard/families/low_rank.py", {"low_rank"}),
        ("easyhard/logits/low_rank.py", {"low_rank"}),
        ("easyhard/evaluation/dip.py", {"evaluate"}),
        ("easyhard/model/layers.py", {"train", "dump_activations"}),
        ("probes.py", {"probes"}),
        ("easyhard/signals/head.py", {"head_signals", "stacks", "evaluate", "report"}),
        ("../resources/published.csv", {"evaluate"}),
    ],
)
def test_edits_whose_reach_is_known(
    repository: Repository, downstream: dict[str, set[str]], path: str, rules: set[str]
) -> None:
    with edited(repository.root / "workflow" / "scripts" / path, "\n" if path.endswith("csv") else "\nEDITED = 1\n"):
        ran = repository.would_run("results/small/report.md")
    assert ran == with_dependents(rules, downstream)


def test_a_comment_reruns_nothing(repository: Repository) -> None:
    with edited(repository.root / "workflow" / "scripts" / "easyhard" / "model" / "layers.py", "\n# a remark\n"):
        assert "Nothing to be done" in repository.snakemake("results/small/report.md", "--dry-run").stdout


def test_runs_on_the_same_text_share_its_tokens(repository: Repository) -> None:
    runs = {
        "seed": {"seed": 7, "tokens": BYTE_PAIRS},
        "split": {"tokens": {"tokenizer": "whitespace"}},
        "text": {"corpus": {"bundled": {"seed": 7}}, "tokens": BYTE_PAIRS},
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


def made_as(repository: Repository, run: str) -> None:
    """What there is of the run `small` stands there once more as made of another run, in Snakemake's records too."""
    shutil.copytree(repository.root / "results/small", repository.root / "results" / run)  # with the times of files
    records = repository.root / ".snakemake/metadata"
    for record in list(records.iterdir()):
        path = base64.b64decode(record.name).decode()
        if path.startswith("results/small/"):
            name = base64.b64encode(path.replace("small", run, 1).encode()).decode()
            (records / name).write_text(record.read_text().replace("results/small/", f"results/{run}/"))


def test_every_setting_reruns_exactly_what_reads_it(repository: Repository, downstream: dict[str, set[str]]) -> None:
    """A run for each setting, all of them in one dry run."""
    config = yaml.safe_load((repository.root / "small.yaml").read_text())
    defaults = yaml.safe_load((repository.root / "config.yaml").read_text())["defaults"]
    others = {"input.kind", "model.kind"}  # another kind makes another run
    others |= {"model.exit_heads", "training.exits"}  # whose other values want several blocks
    assert set(KEYS) == set(leaves(defaults)) - others
    own = config["runs"]["small"]
    runs = {"run_same": own}
    for key, (value, _) in KEYS.items():
        changed = with_value(own, key, value)
        if key == "corpus.source":
            changed["corpus"]["files"] = {"path": "texts/"}  # not as `again` has it: that is there
        runs[f"run_{key.replace('.', '_')}"] = changed
    for run in runs:
        made_as(repository, run)
    (repository.root / "changed.yaml").write_text(yaml.safe_dump({"runs": runs}))
    targets = [f"results/{run}/report.md" for run in runs]
    summary = repository.snakemake(*targets, "--summary", "--cores", "2", overlay="changed.yaml").stdout
    ran: dict[str, set[str]] = {run: set() for run in runs}
    for line in summary.splitlines():
        file, _, rule, *_, plan = line.split("\t") if line.count("\t") > 3 else ("", "", "", "")
        if plan == "update pending" and file.startswith("results/run_"):
            ran[file.split("/")[1]].add(rule)
    wanted = {"run_same": set()}
    for key, (_, rules) in KEYS.items():
        # the report shows all settings
        wanted[f"run_{key.replace('.', '_')}"] = with_dependents(rules, downstream) | {"report"}
    wanted["run_low_rank_ranks"] -= {"stacks"}  # these read low ranks of documents, which have settings of their own
    shared = {"load_corpus", "tokenize"}  # of all runs of a text: not in a run's folder
    for run, rules in wanted.items():
        assert ran[run] - shared == rules - shared, run
