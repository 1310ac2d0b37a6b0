# What all stages share: the settings of each run, the hash of each script's code, the names of files.
import os
import sys
from pathlib import Path

from snakemake.exceptions import WorkflowError

# where this file lies, which as a module is elsewhere than the Snakefile that uses it
WORKFLOW = Path(workflow.current_basedir.get_path_or_uri(secret_free=False)).parent
sys.path.insert(0, str(WORKFLOW / "scripts"))

from easyhard import code_hash as hashes
from easyhard.configuration import (
    comparison_groups,
    load_runs,
    model_settings,
    run_kind,
)
from easyhard.corpora import corpus_name, corpus_settings, text_files, tokens_name
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

# What runs share, by the names of its folders: the settings of each corpus, and of the tokens inside
CORPORA = {
    corpus_name(run["corpus"]): corpus_settings(run["corpus"]) for run in RUNS.values()
}
TOKENS = {tokens_name(run["tokens"]): run["tokens"] for run in RUNS.values()}

# With `--cache` these rules' outputs may come from another workflow's run; Snakemake then takes no benchmark of them
CACHED = workflow.enable_cache


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
    corpus="|".join(CORPORA),
    tokens="|".join(TOKENS),
    comparison="|".join(config.get("comparisons") or ()) or "(?!)",
    split="train|validation",
    shard=r"\d+",


def code_hash(script):
    """A params function: the hash of a script and of what it imports, found for the rules that are asked for."""
    return lambda wildcards: hashes.code_hash(script)


def settings(*keys, **paths):
    """A params function: the settings of the wildcard's run under each of `keys`, and, by its name here, under each of
    `paths`, the keys that lead to it; of one key alone, its value."""

    def of_run(wildcards):
        own = RUNS[wildcards.run]
        own = own | {"model": model_settings(own["model"])}
        if len(keys) == 1 and not paths:
            return own[keys[0]]
        return {key: own[key] for key in keys} | {
            name: own[block][key] for name, (block, key) in paths.items()
        }

    return of_run


def by_attempt(amount):
    """A resource of which a job that is tried again gets as much again: it may have run over its memory or time."""

    def of_attempt(wildcards, attempt):
        return amount * attempt

    return of_attempt


def kind(wildcards):
    """What a run is made of: a model trained here or elsewhere, or activations or signals from elsewhere."""
    return run_kind(RUNS[wildcards.run])


def runs_of(*kinds):
    """A wildcard constraint: the runs that start from one of `kinds`."""
    own = [run for run, found in RUNS.items() if run_kind(found) in kinds]
    return "|".join(own) or "(?!)"


def with_text(files):
    """An input function: `files` for a run whose text is read here, none for what others have measured."""

    def of_run(wildcards):
        if kind(wildcards) not in ("trained", "huggingface"):
            return []
        return files(wildcards) if callable(files) else files

    return of_run


def model_files(wildcards):
    """The files of a model that lies in a folder; none for one on the Hub, or one that is not there."""
    folder = Path(RUNS[wildcards.run]["model"]["path"]).expanduser()
    return [local(str(file)) for file in sorted(folder.glob("*")) if file.is_file()]


def model_memory(wildcards, attempt):
    """MB for a model's job: its weights twice, as float32 where they were halves, and what a batch takes; by attempt."""
    weights = sum(
        os.path.getsize(file)
        for file in model_files(wildcards)
        if file.endswith(".safetensors")
    )
    return attempt * (4000 + weights * 4 // 2**20 if weights else 16000)


def model_gpu(wildcards):
    """GPUs for a model's job."""
    return int(RUNS[wildcards.run]["model"]["device"] != "cpu")


def shard_names(wildcards, end=None):
    """The wildcard {shard} of each shard of a run, or of those before number `end`."""
    shards = RUNS[wildcards.run]["activations"]["shards"] if end is None else end
    return [f"{number:03d}" for number in range(shards)]


def shards(pattern):
    """An input function: a file of the run for each of its shards, in the order of the tokens; other wildcards of the
    pattern are those of the rule."""

    def of_run(wildcards):
        own = {**wildcards, "shard": shard_names(wildcards)}
        return expand(f"results/{{run}}/{pattern}", **own)

    return of_run


fair_shards = shards("activations/fair/{shard}.parquet")


def shards_before(wildcards):
    """Of the activations of the protocol fair, the shards before the wildcard's."""
    return expand(
        "results/{run}/activations/fair/{shard}.parquet",
        run=wildcards.run,
        shard=shard_names(wildcards, end=int(wildcards.shard)),
    )


def token_file(name):
    """An input function: a file of the run's tokens, which it shares with all runs of the same text; a model from
    elsewhere has its own."""

    def of_run(wildcards):
        folder = f"results/{wildcards.run}/tokens"
        if kind(wildcards) == "trained":
            run = RUNS[wildcards.run]
            folder = f"results/corpora/{corpus_name(run['corpus'])}/{tokens_name(run['tokens'])}"
        return f"{folder}/{name.format(split=wildcards.get('split'))}"

    return of_run


def text_inputs(wildcards):
    """The user's own text files of a corpus, so that an edit of one loads it again."""
    return [local(file) for file in text_files(CORPORA[wildcards.corpus])]


def documents(wildcards):
    """The documents of the wildcard's run."""
    return f"results/corpora/{corpus_name(RUNS[wildcards.run]['corpus'])}/documents.parquet"


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


def reference_shards(wildcards):
    """The states that distances are measured to: of train tokens; of the protocol's where training was elsewhere."""
    if kind(wildcards) == "trained":
        return shards("activations/train/{shard}.parquet")(wildcards)
    return fair_shards(wildcards)


def reference_tokens(wildcards):
    """What says which of those are fit tokens, where not all may be used."""
    return (
        []
        if kind(wildcards) == "trained"
        else f"results/{wildcards.run}/fair/tokens.parquet"
    )


def low_rank_weights(wildcards):
    """The moments that a weighted low rank is the best for."""
    weighted = wildcards.kind == "weighted"
    return f"results/{wildcards.run}/fair/moments.safetensors" if weighted else []


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
    """The files that a run from elsewhere reads: the texts of `input` but for its kind."""
    given = RUNS[wildcards.run]["input"]
    files = [
        given[key] for key in given if key != "kind" and isinstance(given[key], str)
    ]
    return [local(file) for file in dict.fromkeys(filter(None, files))]


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

    def sharded(step, **others):
        return expand(f"{step}/{{shard}}", shard=shard_names(wildcards), **others)

    published = [
        *([] if CACHED else ["train"]),
        *sharded("dump_activations/train"),
        *sharded("dump_activations/validation"),
        *sharded("logit_statistics"),
        *sharded("low_rank"),
        "exit_classifier",
        "loss_probes",
        "metric_probes",
        *sharded("dump_fair"),
    ]
    kinds = RUNS[wildcards.run]["fair_low_rank"]["kinds"]
    fair = [
        "fit_temperature",
        *sharded("head_signals"),
        "fit_references",
        *sharded("hidden_signals"),
        *sharded("fair_low_rank/{kind}", kind=kinds),
        *sharded("test_words"),
        "fair_probes",
        "learning_curve",
        "fair_stacks",
    ]
    first = {
        "trained": [*published, *fair],
        "huggingface": [
            "tokenize_huggingface",
            "huggingface_head",
            *sharded("dump_huggingface"),
            *fair,
        ],
        "activations": ["import_head", *sharded("import_activations"), *fair],
        "signals": ["import_signals"],
    }
    steps = [*first[kind(wildcards)], "evaluate_fair", "evaluate_strata"]
    own = expand("results/{run}/benchmarks/{step}.tsv", run=wildcards.run, step=steps)
    return own if CACHED else [*with_text(shared_benchmarks)(wildcards), *own]


def shared_benchmarks(wildcards):
    """Those of the steps that runs share."""
    run = RUNS[wildcards.run]
    folder = f"results/corpora/{corpus_name(run['corpus'])}/benchmarks"
    own = [f"tokenize/{tokens_name(run['tokens'])}"]
    steps = ["load_corpus", *(own if kind(wildcards) == "trained" else [])]
    return expand(f"{folder}/{{step}}.tsv", step=steps)


def compared(wildcards):
    """The runs of each group of a comparison."""
    try:
        return comparison_groups(config, RUNS, wildcards.comparison)
    except InputError as error:
        raise WorkflowError(str(error)) from None


def report_figures(wildcards):
    """The figures that the report of a run shows."""
    names = list(figure_names(kind(wildcards)))
    if kind(wildcards) == "trained":
        names += FIGURES
    return expand("results/{run}/figures/{name}.svg", run=wildcards.run, name=names)


def source_file(path):
    """A file of the workflow as an input: relative, so that a repository may move without rerunning anything.

    It is local: a module's prefix is for results.
    """
    return local(os.path.relpath(WORKFLOW / path))


def figure(name):
    """The SVG of a figure, with its caption and place in Snakemake's report."""
    return report(
        f"results/{{run}}/figures/{name}.svg",
        caption=f"../report/{name}.rst",
        category="{run}",
        subcategory=FIGURES.get(name, FAIR),
        labels={"result": name.replace("_", " ")},
    )
