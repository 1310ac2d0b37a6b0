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
from easyhard.killed import name_killed_jobs
from easyhard.report.fair_names import figure_names
from easyhard.stale_locks import clear_and_hold

# Held until the end of this process, not of its jobs, which load this file too and hold their own.
ALIVE = clear_and_hold(Path(".snakemake")) if workflow.is_main_process else None

try:
    RUNS = load_runs(config, WORKFLOW / "schemas" / "config.schema.yaml")
except InputError as error:
    raise WorkflowError(str(error)) from None


onerror:
    for line in name_killed_jobs(log):
        print(line, file=sys.stderr)


FIGURES = {
    "training_curve": "Language model",
    "loss_histogram": "Loss distribution",
    "signals_against_loss": "Signals",
    "separation": "Signals",
    "low_rank": "Low rank",
    "regression": "Probes",
}
FAIR = "Fair comparison"


wildcard_constraints:
    run="|".join(RUNS),
    split="train|validation",


def settings(*keys, **paths):
    """A params function: the settings of the wildcard's run under each of `keys`, and, by its name here, under each of
    `paths`, the keys that lead to it; of one key alone, its value."""

    def of_run(wildcards):
        own = RUNS[wildcards.run]
        if len(keys) == 1 and not paths:
            return own[keys[0]]
        return {key: own[key] for key in keys} | {
            name: own[block][key] for name, (block, key) in paths.items()
        }

    return of_run


def kind(wildcards):
    """What a run is made of: a model trained here, or activations or signals from elsewhere."""
    return RUNS[wildcards.run]["input"]["kind"]


def runs_of(*kinds):
    """A wildcard constraint: the runs that start from one of `kinds`."""
    own = [run for run, found in RUNS.items() if found["input"]["kind"] in kinds]
    return "|".join(own) or "(?!)"


def of_trained(files):
    """An input function: `files` for a run whose model is trained here, none for any other."""

    def of_run(wildcards):
        if kind(wildcards) != "trained":
            return []
        return files(wildcards) if callable(files) else files

    return of_run


def fair_shards(wildcards):
    """The activations of all tokens of the protocol fair, in their order."""
    splits = ["validation", "test"] if kind(wildcards) == "trained" else ["imported"]
    return expand(
        "results/{run}/activations/fair/{split}-{shard:03d}.parquet",
        run=wildcards.run,
        split=splits,
        shard=range(RUNS[wildcards.run]["activations"]["shards"]),
    )


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


def with_head(*files):
    """An input function: `files` for a run that has an output head, none for bare signals."""

    def of_run(wildcards):
        if kind(wildcards) == "signals":
            return []
        return files[0] if len(files) == 1 else list(files)

    return of_run


def low_rank_kinds(pattern):
    """An input function: a file of the run for each kind of low rank."""

    def of_run(wildcards):
        kinds = RUNS[wildcards.run]["fair_low_rank"]["kinds"]
        return expand(f"results/{{run}}/{pattern}", run=wildcards.run, kind=kinds)

    return of_run


def stratified_signals(wildcards):
    """The files of all signals but those of low ranks, of which there are many that say nearly the same."""
    own = ["own", "context"]
    if kind(wildcards) != "signals":
        own = ["head", "hidden", "context", "probes", "stacks"]
    return expand(
        "results/{run}/signals/fair/{name}.parquet", run=wildcards.run, name=own
    )


def fair_signals(wildcards):
    """The files of all signals of a run, those of its low ranks last."""
    low_rank = (
        []
        if kind(wildcards) == "signals"
        else low_rank_kinds("signals/fair/{kind}.parquet")(wildcards)
    )
    return stratified_signals(wildcards) + low_rank


def stacked_kind(wildcards):
    """The kind of low rank that stacks read: the best that is there."""
    kinds = RUNS[wildcards.run]["fair_low_rank"]["kinds"]
    return next(kind for kind in ("weighted", "centred", "plain") if kind in kinds)


def low_rank_settings(wildcards):
    """Ranks and refined words; whether fit tokens are wanted too, which only a stack reads."""
    own = RUNS[wildcards.run]["fair_low_rank"]
    fit_too = wildcards.kind == stacked_kind(wildcards)
    return {"ranks": own["ranks"], "refined": own["refined"], "fit_too": fit_too}


def stack_signals(wildcards):
    """The files of the signals that stacks read besides probes."""
    return expand(
        "results/{run}/signals/fair/{name}.parquet",
        run=wildcards.run,
        name=["head", "hidden", "context", stacked_kind(wildcards)],
    )


def metric_parts(wildcards):
    """The files of figures of a run: those of both protocols where its model is trained here."""
    parts = ["fair_signals", "fair_strata", "fair_shape"]
    if kind(wildcards) != "signals":
        parts += ["fair_ceilings", "fair_low_rank", "fair_learning", "fair_stacks"]
    if kind(wildcards) == "trained":
        parts += ["model", "loss", "signals", "probes", "low_rank"]
    return expand("results/{run}/metrics/{part}.parquet", run=wildcards.run, part=parts)


def own_files(wildcards):
    """The files that a run from elsewhere reads."""
    given = RUNS[wildcards.run]["input"]
    files = [
        given[key]
        for key in given
        if key not in ("kind", "names", "leave_out", "signals")
    ]
    return list(dict.fromkeys(filter(None, files)))


imported_settings = settings(
    "seed",
    "input",
    "activations",
    length=("sequences", "length"),
    fit=("fair", "fit"),
    select=("fair", "select"),
)


def benchmarks(wildcards):
    """Snakemake's measurements of the steps that take time, in the order of the work."""
    shards = [
        f"{shard:03d}" for shard in range(RUNS[wildcards.run]["activations"]["shards"])
    ]
    published = [
        "load_corpus",
        "tokenize",
        "train",
        *expand(
            "dump_activations/{split}-{shard}",
            split=["train", "validation"],
            shard=shards,
        ),
        "logit_statistics",
        "low_rank",
        "exit_classifier",
        "loss_probes",
        "metric_probes",
        *expand(
            "dump_fair/{split}-{shard}", split=["validation", "test"], shard=shards
        ),
    ]
    kinds = RUNS[wildcards.run]["fair_low_rank"]["kinds"]
    fair = [
        "head_signals",
        "hidden_signals",
        *expand("fair_low_rank/{kind}", kind=kinds),
        "test_words",
        "fair_probes",
        "learning_curve",
        "fair_stacks",
    ]
    first = {
        "trained": [*published, *fair],
        "activations": [
            "import_head",
            *expand("import_activations/{shard}", shard=shards),
            *fair,
        ],
        "signals": ["import_signals"],
    }
    steps = [*first[kind(wildcards)], "evaluate_fair", "evaluate_strata"]
    return expand("results/{run}/benchmarks/{step}.tsv", run=wildcards.run, step=steps)


def report_figures(wildcards):
    """The figures that the report of a run shows."""
    names = list(figure_names(kind(wildcards)))
    if kind(wildcards) == "trained":
        names += FIGURES
    return expand("results/{run}/figures/{name}.svg", run=wildcards.run, name=names)


def source_file(path):
    """A file of the workflow as an input: relative, so that a repository may move without rerunning anything."""
    return os.path.relpath(WORKFLOW / path)


def figure(name):
    """The SVG of a figure, with its caption and place in Snakemake's report."""
    return report(
        f"results/{{run}}/figures/{name}.svg",
        caption=f"../report/{name}.rst",
        category="{run}",
        subcategory=FIGURES.get(name, FAIR),
        labels={"result": name.replace("_", " ")},
    )
