"""A copy of the repository with small runs on real text configured, and how to run Snakemake in it."""

import copy
import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
PARTS = ("Snakefile", "config.yaml", "workflow", "envs", "profiles")
TIMES = ("seconds", "train_seconds")
GPU_RULES = {
    rule
    for smk in (ROOT / "workflow" / "rules").glob("*.smk")
    for rule, body in re.findall(r"^rule (\w+):(.*?)(?=^rule |\Z)", smk.read_text(), re.MULTILINE | re.DOTALL)
    if "gpu=1" in body
}

SMALL = """
default_runs: [small]
runs:
  small: {protocols: [published, fair], tokens: {tokenizer: bpe, vocabulary_size: 1000}}
  again: {seed: 43, corpus: {source: files, files: {path: texts}}}
defaults:
  sequences: {train: 320, validation: 160, batch_size: 16}
  model: {dim: 16, heads: 2, ffn_dim: 32}
  training: {max_epochs: 2, learning_rate: 0.01}
  activations: {shards: 2}
  exit_classifier: {epochs: 5}
  loss_probes: {max_epochs: 2}
  metric_probes: {hidden: 16, epochs: 2}
  low_rank: {ranks: [1, 4, 16]}
  fair: {tokens: 24000, thresholds: [3, 5], resamples: 100, draws: 2, references: 64}
  fair_low_rank: {ranks: [2, 4], refined: 8}
  exits:
    {heads: [lens, translated, low_rank], rank: 4, tokens: 3000, left_out_tokens: 2000, states: float32,
     true_tokens: 2000, probes: {hidden: 8, max_epochs: 2}, translators: {tokens: 1000, max_epochs: 2}}
  fair_probes: {hidden: 8, seeds: 2, max_epochs: 2}
  stacks: {learning_rates: [0.1], leaves: [7], max_trees: 10, folds: 2, tuning_tokens: 2000, importance_tokens: 1000}
"""


@dataclass(frozen=True)
class Repository:
    """A copy of the repository, and how to run Snakemake in it."""

    root: Path

    def snakemake(
        self, *arguments: str, overlay: str = "small.yaml", check: bool = True, **environment: str
    ) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "snakemake", *arguments, "--configfile", "small.yaml", overlay]
        run = subprocess.run(
            command, cwd=self.root, capture_output=True, text=True, env={**os.environ, **environment}, check=False
        )
        assert not check or run.returncode == 0, run.stdout + run.stderr
        return run

    def would_run(self, target: str, overlay: str = "small.yaml") -> set[str]:
        """The rules that a dry run would run, `all` left out."""
        run = self.snakemake(target, "--dry-run", "--cores", "2", overlay=overlay)
        if "Nothing to be done" in run.stdout:
            return set()
        lines = run.stdout.partition("Job stats:")[2].splitlines()[3:]
        return {line.split()[0] for line in lines[: lines.index("")] if line.strip()} - {"all", "total"}

    def copy(self, target: Path) -> "Repository":
        shutil.copytree(self.root, target, symlinks=True)  # copies keep the times of files
        return Repository(target)


def fresh(root: Path) -> Repository:
    """A copy of what the repository tracks of the workflow, with the small runs configured."""
    root.mkdir(exist_ok=True)
    for part in PARTS:
        source = ROOT / part
        copy = shutil.copytree if source.is_dir() else shutil.copy2
        copy(source, root / part)
    shutil.rmtree(root / "workflow" / "scripts" / "__pycache__", ignore_errors=True)
    (root / "small.yaml").write_text(SMALL, encoding="utf-8")
    write_texts(root / "texts")
    return Repository(root)


def write_texts(folder: Path) -> None:
    """Real text for the `files` source: the bundled articles with a heading line each, as three files."""
    from easyhard.corpus.sources import load_corpus  # heavy, and only here

    corpus = load_corpus({"source": "bundled", "bundled": {"seed": 7, "validation": 0.15, "test": 0.15}})
    folder.mkdir()
    for split in ("train", "validation", "test"):
        articles = [f" = {d.title} = \n\n{d.text}\n" for d in corpus.documents if d.split == split]
        (folder / f"{split}.txt").write_text("\n".join(articles), encoding="utf-8")


def with_value(settings: dict[str, Any], key: str, value: object) -> dict[str, Any]:
    """The settings with another value for a key, a path with dots."""
    changed = copy.deepcopy(settings)
    node = changed
    *parents, last = key.split(".")
    for parent in parents:
        node = node.setdefault(parent, {})
    node[last] = value
    return changed
