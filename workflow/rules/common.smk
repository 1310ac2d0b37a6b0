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
    input_settings,
    load_runs,
    model_settings,
    run_kind,
    training_settings,
)
from easyhard.corpora import (
    corpus_name,
    corpus_settings,
    digest,
    text_files,
    token_settings,
    tokens_name,
)
from easyhard.errors import InputError
from easyhard.huggingface.adapter import model_folders
from easyhard.input_files import input_files
from easyhard.killed import name_killed_jobs
from easyhard.protocols import (
    DOCUMENTS,
    FAIR,
    PROTOCOLS,
    PUBLISHED,
    ROW_SETS,
    TRAIN,
    VALIDATION,
    head_families,
    low_rank_families,
    protocol_of,
    stacked_kind,
)
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
TOKENS = {
    tokens_name(run["tokens"]): token_settings(run["tokens"]) for run in RUNS.values()
}

# With `--cache` these rules' outputs may come from another workflow's run; Snakemake then takes no benchmark of them
CACHED = workflow.enable_cache


onerror:
    for line in name_killed_jobs(log):
        print(line, file=sys.stderr)


wildcard_constraints:
    run="|".join(RUNS),
    corpus="|".join(CORPORA),
    tokens="|".join(TOKENS),
    comparison="|".join(config.get("comparisons") or ()) or "(?!)",
    rows="|".join(ROW_SETS),
    shard=r"\d+",


def code_hash(*scripts):
    """A params function: the hash of scripts and of what they import, found for the rules that are asked for."""
    return lambda wildcards: hashes.code_hash(*scripts)


def family_modules(*names):
    """The files of families of signals, which the script of a pass imports by name."""
    return [f"easyhard/families/{name}.py" for name in names]


def families(found):
    """A params function: the families that `found`, of easyhard.protocols, has for the wildcard's row set and run."""
    return lambda wildcards: found(wildcards.rows, RUNS[wildcards.run])


def settings(*keys, **paths):
    """A params function: the settings of the wildcard's run under each of `keys`, and, by its name here, under each of
    `paths`, the keys that lead to it; of one key alone, its value."""

    def of_run(wildcards):
        own = RUNS[wildcards.run]
        own = own | {"model": model_settings(own["model"])}
        own |= {"input": input_settings(own["input"])}
        if len(keys) == 1 and not paths:
            return own[keys[0]]
        return {key: own[key] for key in keys} | {
            name: RUNS[wildcards.run][block][key]
            for name, (block, key) in paths.items()
        }

    return of_run


def settings_hash(wildcards):
    """A params function: a hash of all settings of the wildcard's run."""
    return digest(RUNS[wildcards.run])


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
    """The files of a model that lies in a folder, and of its base's; none for one on the Hub, or one that is not there."""
    folders = model_folders(RUNS[wildcards.run]["model"]["path"])
    files = [file for folder in folders for file in sorted(folder.glob("*"))]
    return [local(str(file)) for file in files if file.is_file()]


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


def shard_names(wildcards):
    """The wildcard {shard} of each shard of a run."""
    shards = RUNS[wildcards.run]["activations"]["shards"]
    return [f"{number:03d}" for number in range(shards)]


def shards(pattern):
    """An input function: a file of the run for each of its shards, in the order of the tokens; other wildcards of the
    pattern are those of the rule."""

    def of_run(wildcards):
        own = {**wildcards, "shard": shard_names(wildcards)}
        return expand(f"results/{{run}}/{pattern}", **own)

    return of_run


def parted(files):
    """An input function: `files` for a row set whose documents are parted, none for another."""

    def of_rows(wildcards):
        if not protocol_of(wildcards.rows).parted:
            return []
        return files(wildcards) if callable(files) else files

    return of_rows


def row_streams(wildcards):
    """The token streams that a row set is cut from, by split."""
    splits = ["validation", "test"] if wildcards.rows == DOCUMENTS else [wildcards.rows]
    return {split: token_file(f"{split}.parquet")(wildcards) for split in splits}


def train_settings(wildcards):
    """What training reads."""
    own = settings("seed", "sequences", "model", "training")(wildcards)
    return own | {"training": training_settings(own["training"])}


def has_exits(wildcards):
    """Whether a run names exits, and has the protocol that measures them."""
    own = RUNS[wildcards.run]
    return own["model"]["exits"] is not None and FAIR.name in own["protocols"]


def exit_inputs(wildcards):
    """The model of a run, by name, and the tokens and rows that it is run over; or the files of its own states."""
    folder = f"results/{wildcards.run}"
    own = {
        "rows": f"{folder}/rows/documents.parquet",
        "head": f"{folder}/activations/head.safetensors",
    }
    if kind(wildcards) == "activations":
        return own | {"own": own_files(wildcards)}
    own |= {
        "validation": token_file("validation.parquet")(wildcards),
        "test": token_file("test.parquet")(wildcards),
        "summary": token_file("summary.json")(wildcards),
    }
    if kind(wildcards) == "trained":
        return own | {"weights": f"{folder}/model/weights.safetensors"}
    return own | {"model": model_files(wildcards)}


def exit_fitted(wildcards):
    """What is fitted before the pass over exits, by name."""
    folder, heads = f"results/{wildcards.run}", RUNS[wildcards.run]["exits"]["heads"]
    own = {}
    if kind(wildcards) != "activations":
        own["counts"] = f"{folder}/rows/word_counts.parquet"
    if "translated" in heads:
        own["fitted"] = f"{folder}/fitted/exits.safetensors"
    if "low_rank" in heads:
        own["moments"] = f"{folder}/fitted/moments.safetensors"
    return own


def exit_tables(wildcards):
    """What is known of every exit, by name, and of the tokens and the model that it is known of."""
    folder = f"results/{wildcards.run}"
    return {
        "rows": f"{folder}/rows/documents.parquet",
        "fitted": f"{folder}/fitted/head.json",
        "exit_outcomes": shards("exits/outcomes/{shard}.parquet")(wildcards),
        "exit_signals": shards("signals/documents/exits/{shard}.parquet")(wildcards),
        "exit_probes": f"{folder}/signals/{DOCUMENTS}/exit_probes.parquet",
        "exits_summary": f"{folder}/probes/{DOCUMENTS}/exits.json",
    }


def policy_folder(wildcards):
    """The policy to take away, of a run whose model has exits and is at hand."""
    if kind(wildcards) == "activations" or not has_exits(wildcards):
        return []
    return f"results/{wildcards.run}/policy"


def exit_settings(*keys):
    """A params function: what a step on exits reads, of the block `exits` these keys. `chosen` is what model.exits says,
    `batch` how many windows the model runs at a time."""

    def of_run(wildcards):
        own = RUNS[wildcards.run]
        read = settings(
            "seed",
            "sequences",
            "input" if kind(wildcards) == "activations" else "model",
            shards=("activations", "shards"),
            tokens=("fair", "tokens"),
            chosen=("model", "exits"),
            layer_multiply_adds=("input", "layer_multiply_adds"),
        )
        batch = own["sequences" if kind(wildcards) == "trained" else "model"]
        return read(wildcards) | {
            "exits": {key: own["exits"][key] for key in keys},
            "batch": batch["batch_size"],
        }

    return of_run


CHOOSING = {
    "near": ("exits", "near"),
    "point": ("exits", "point"),
    "exit_rank": ("exits", "rank"),
}
"""Of the settings of exits those that choosing policies depends on."""


def evaluate_settings(wildcards):
    """What figures depend on beside the files; of exits only where a run has some."""
    exits = CHOOSING | {
        "guarantee": ("exits", "guarantee"),
        "trained_on": ("training", "exits"),
    }
    return settings(
        "seed",
        "protocols",
        "fair",
        "advice",
        "fair_low_rank",
        "loss_probes",
        "sequences",
        own=("input", "signals"),
        **(exits if has_exits(wildcards) else {}),
    )(wildcards) | {"kind": kind(wildcards)}


def check_settings(wildcards):
    """What tokens and head are held against before anything is computed of them."""
    own = RUNS[wildcards.run]
    reads_rank = has_exits(wildcards) and "low_rank" in own["exits"]["heads"]
    found = settings(
        "seed",
        main_threshold=("fair", "main_threshold"),
        ranks=("fair_low_rank", "ranks"),
        refined=("fair_low_rank", "refined"),
    )(wildcards)
    found |= {
        key: {name: own[key][name] for name in ("tokens", "folds")}
        for key in ("fair_probes", "stacks")
    }
    return found | {"exit_rank": own["exits"]["rank"] if reads_rank else None}


def exit_gpu(wildcards):
    """GPUs for a job that runs the model."""
    return model_gpu(wildcards) if kind(wildcards) == "huggingface" else 1


def exit_memory(wildcards, attempt):
    """MB for a job that runs the model and holds the states of several exits."""
    if kind(wildcards) == "huggingface":
        return model_memory(wildcards, attempt)
    return 3000 * attempt


def token_file(name):
    """An input function: a file of the run's tokens, which it shares with all runs of the same text; a model from
    elsewhere has its own."""

    def of_run(wildcards):
        folder = f"results/{wildcards.run}/tokens"
        if kind(wildcards) == "trained":
            run = RUNS[wildcards.run]
            folder = f"results/corpora/{corpus_name(run['corpus'])}/{tokens_name(run['tokens'])}"
        return f"{folder}/{name}"

    return of_run


def text_inputs(wildcards):
    """The user's own text files of a corpus, so that an edit of one loads it again."""
    return [local(file) for file in text_files(CORPORA[wildcards.corpus])]


def documents(wildcards):
    """The documents of the wildcard's run."""
    return f"results/corpora/{corpus_name(RUNS[wildcards.run]['corpus'])}/documents.parquet"


def reference_shards(wildcards):
    """The states that distances are measured to where training was here; elsewhere they are fit tokens'."""
    if kind(wildcards) != "trained":
        return []
    return shards("activations/train/{shard}.parquet")(wildcards)


def word_summary(wildcards):
    """What says how many words the model knows."""
    if kind(wildcards) == "huggingface":
        return f"results/{wildcards.run}/model/summary.json"
    return token_file("summary.json")(wildcards)


def measured(wildcards):
    """The files that a run's figures are measured on, by name, for the protocols that it has."""
    folder, own = f"results/{wildcards.run}", RUNS[wildcards.run]["protocols"]
    found = {}
    if FAIR.name in own:
        found |= {"rows": f"{folder}/rows/documents.parquet"}
        found |= of_documents(wildcards, folder)
        if kind(wildcards) in ("trained", "huggingface"):
            found |= {"model": f"{folder}/model/summary.json"}
        if kind(wildcards) in ("activations", "signals"):
            found |= {"imported": f"{folder}/rows/summary.json"}
    if PUBLISHED.name in own:
        found |= {
            "activations": shards(f"activations/{VALIDATION}/{{shard}}.parquet"),
            "train": token_file("train.parquet"),
            "tokens": token_file("summary.json"),
            "model": f"{folder}/model/summary.json",
            "published_head": shards(f"signals/{VALIDATION}/head/{{shard}}.parquet"),
            "published_low_rank": shards(
                f"signals/{VALIDATION}/low_rank/{{shard}}.parquet"
            ),
            "published_low_rank_summary": shards(
                f"signals/{VALIDATION}/low_rank/{{shard}}.json"
            ),
            "exit_classifier": f"{folder}/signals/{VALIDATION}/exit_classifier.parquet",
            "exit_summary": f"{folder}/probes/{VALIDATION}/exit_classifier.json",
            "published_probes": f"{folder}/signals/{VALIDATION}/probes.parquet",
        }
    return {
        name: files(wildcards) if callable(files) else files
        for name, files in found.items()
    }


def of_documents(wildcards, folder):
    """Of `measured`, what there is of the signals of parted documents."""
    if kind(wildcards) == "signals":
        return {
            "own": f"{folder}/signals/{DOCUMENTS}/own.parquet",
            "context": [f"{folder}/signals/{DOCUMENTS}/context/000.parquet"],
        }
    tables = {
        name: shards(f"signals/{DOCUMENTS}/{name}/{{shard}}.parquet")
        for name in ("head", "hidden", "context", "low_rank")
    }
    if has_exits(wildcards):
        tables |= exit_tables(wildcards)
        if kind(wildcards) != "activations":
            tables |= {
                "exit_left_out": f"{folder}/exits/left_out.parquet",
                "policies": f"{folder}/policies/chosen.json",
                "true_exits": f"{folder}/policies/true.parquet",
            }
            tables["vocabulary"] = token_file("vocabulary.parquet")
    return tables | {
        "checks": f"{folder}/rows/checks.json",
        "words": shards(f"words/{DOCUMENTS}/head/{{shard}}.parquet"),
        "low_rank_words": shards(f"words/{DOCUMENTS}/low_rank/{{shard}}.parquet"),
        "low_rank_summary": shards(f"signals/{DOCUMENTS}/low_rank/{{shard}}.json"),
        "probes": f"{folder}/signals/{DOCUMENTS}/probes.parquet",
        "held_out": f"{folder}/probes/{DOCUMENTS}/held_out.parquet",
        "probes_summary": f"{folder}/probes/{DOCUMENTS}/summary.json",
        "stacks": f"{folder}/signals/{DOCUMENTS}/stacks.parquet",
        "stacks_summary": f"{folder}/probes/{DOCUMENTS}/stacks.json",
        "fitted": f"{folder}/fitted/head.json",
    }


PAGE_PARTS = (
    *(
        "base.html.j2",
        "parts.html.j2",
        "page.css",
        "charts.js",
        "signals.js",
        "text_view.js",
    ),
    *("prose.j2", "tables.yaml", "labels.csv"),
)
"""What reports are made of beside code and their own template."""


def reported(wildcards):
    """What the report shows beside figures, by name: the files that these are measured on, of a run whose text is read
    here its tokens and model, and how training went where the founding experiment is repeated.
    """
    found = measured(wildcards)
    if kind(wildcards) in ("trained", "huggingface"):
        found |= {
            "tokens": token_file("summary.json")(wildcards),
            "model": f"results/{wildcards.run}/model/summary.json",
            "vocabulary": token_file("vocabulary.parquet")(wildcards),
        }
    if PUBLISHED.name in RUNS[wildcards.run]["protocols"]:
        found["curve"] = f"results/{wildcards.run}/model/training_curve.parquet"
    return found


def own_files(wildcards):
    """The files that a run from elsewhere reads; importing them says what is missing from a folder or a pattern."""
    return [local(file) for file in input_files(RUNS[wildcards.run]["input"])]


imported_settings = settings(
    "seed",
    "input",
    "activations",
    exits=("model", "exits"),
    length=("sequences", "length"),
    fit=("fair", "fit"),
    select=("fair", "select"),
)


def benchmarks(wildcards):
    """Snakemake's measurements of the steps that take time, in the order of the work."""
    wanted = RUNS[wildcards.run]["protocols"]
    row_sets = [own.rows for own in PROTOCOLS.values() if own.name in wanted]

    def sharded(step, *over):
        names = shard_names(wildcards)
        return [f"{step}/{rows}/{shard}" for rows in over for shard in names]

    passes = []
    if DOCUMENTS in row_sets:
        own = kind(wildcards) == "activations"
        passes += ["part_imported" if own else "part_documents", "fit_statistics"]
        passes += sharded("hidden_signals", DOCUMENTS)
    if VALIDATION in row_sets:
        passes.append(f"exit_classifier/{VALIDATION}")
    passes += [
        *sharded("head_signals", *row_sets),
        *sharded("low_rank", *row_sets),
        *(f"probes/{rows}" for rows in row_sets),
        *([f"stacks/{DOCUMENTS}"] if DOCUMENTS in row_sets else []),
    ]
    if has_exits(wildcards):
        fitted = "translated" in RUNS[wildcards.run]["exits"]["heads"]
        passes += ["fit_exits"] if fitted else []
        passes += [f"exit_signals/{shard}" for shard in shard_names(wildcards)]
        own = kind(wildcards) == "activations"
        passes += (
            ["exit_probes"]
            if own
            else ["exit_probes", "leave_out_layers", "true_exits"]
        )
    first = {
        "trained": [
            *([] if CACHED else ["train"]),
            *sharded("dump_activations", TRAIN, *row_sets),
            *passes,
        ],
        "huggingface": [
            "tokenize_huggingface",
            "huggingface_head",
            *(f"dump_huggingface/{shard}" for shard in shard_names(wildcards)),
            *passes,
        ],
        "activations": [
            "import_head",
            *(f"import_activations/{shard}" for shard in shard_names(wildcards)),
            *passes,
        ],
        "signals": ["import_signals"],
    }
    steps = [*first[kind(wildcards)], "evaluate"]
    files = expand("results/{run}/benchmarks/{step}.tsv", run=wildcards.run, step=steps)
    return files if CACHED else [*with_text(shared_benchmarks)(wildcards), *files]


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


def source_file(path):
    """A file of the workflow as an input: relative, so that a repository may move without rerunning anything.

    It is local: a module's prefix is for results.
    """
    return local(os.path.relpath(WORKFLOW / path))
