# What all stages share: the settings of each run, the hash of each script's code, the names of files.
import os
import sys
from pathlib import Path

from snakemake.exceptions import WorkflowError

WORKFLOW = Path(workflow.basedir) / "workflow"
sys.path.insert(0, str(WORKFLOW / "scripts"))

from easyhard.code_hash import code_hash
from easyhard.configuration import load_runs
from easyhard.errors import InputError

try:
    RUNS = load_runs(config, WORKFLOW / "schemas" / "config.schema.yaml")
except InputError as error:
    raise WorkflowError(str(error)) from None

FIGURES = {
    "training_curve": "Language model",
    "loss_histogram": "Loss distribution",
    "signals_against_loss": "Signals",
    "separation": "Signals",
    "low_rank": "Low rank",
    "regression": "Probes",
}


wildcard_constraints:
    run="|".join(RUNS),
    split="train|validation",


def settings(*keys):
    """A params function: the settings of the wildcard's run under each of `keys`; of one key, its value alone."""

    def of_run(wildcards):
        own = RUNS[wildcards.run]
        return own[keys[0]] if len(keys) == 1 else {key: own[key] for key in keys}

    return of_run


def corpus_settings(wildcards):
    """Of the run's corpus settings those that its source reads, so that no other setting loads it again."""
    corpus = RUNS[wildcards.run]["corpus"]
    source = corpus["source"]
    shared = {} if source == "bundled" else {"documents": corpus["documents"]}
    return {"source": source, **shared, source: corpus[source]}


def activation_shards(split):
    """An input function: all shards of a split of the wildcard's run."""

    def of_run(wildcards):
        return expand(
            "results/{run}/activations/{split}/{shard:03d}.parquet",
            run=wildcards.run,
            split=split,
            shard=range(RUNS[wildcards.run]["activations"]["shards"]),
        )

    return of_run


def benchmarks(wildcards):
    """Snakemake's measurements of the steps that take time, in the order of the work."""
    shards = [
        f"{shard:03d}" for shard in range(RUNS[wildcards.run]["activations"]["shards"])
    ]
    dumps = expand(
        "dump_activations/{split}-{shard}", split=["train", "validation"], shard=shards
    )
    probes = ["exit_classifier", "loss_probes", "metric_probes"]
    steps = [
        "load_corpus",
        "tokenize",
        "train",
        *dumps,
        "logit_statistics",
        "low_rank",
        *probes,
    ]
    return expand("results/{run}/benchmarks/{step}.tsv", run=wildcards.run, step=steps)


def source_file(path):
    """A file of the workflow as an input: relative, so that a repository may move without rerunning anything."""
    return os.path.relpath(WORKFLOW / path)


def figure(name):
    """The SVG of a figure, with its caption and place in Snakemake's report."""
    return report(
        f"results/{{run}}/figures/{name}.svg",
        caption=f"../report/{name}.rst",
        category="{run}",
        subcategory=FIGURES[name],
        labels={"result": name.replace("_", " ")},
    )
