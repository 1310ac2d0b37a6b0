"""What a report says of how its run was made: text and model, programs, steps, settings."""

import csv
import datetime
import hashlib
import platform
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

from easyhard.atomic import read_json
from easyhard.input_files import FILE_KEYS, input_files
from easyhard.report.metrics import Figures
from easyhard.report.tables import Table
from easyhard.report.words import NULL, Label, value_text
from easyhard.tables.files import label_of

# of the token ids of WikiText-2 raw, lower-cased and split on white space, vocabulary from train and validation
FOUNDING_TOKENS_SHA256 = "f3a9550dc176e0a5981aa5f581834ddf69b8305a4145958b8afd08fb4689678c"
PROGRAMS = ("torch", "numpy", "pyarrow", "polars", "scipy", "scikit-learn", "snakemake", "transformers")
PACKINGS = {
    "document": "No window crosses documents.",
    "packed": "They are full, with documents joined by EOS, so that a token may see the document before its own.",
}


@dataclass(frozen=True)
class Setup:
    """How a run was made.

    `corpus` has source, the same in brief, credit and sha256 of what was read, `tokens` the summary of the tokens where
    there is one, `device` what the model ran on, `date` when the report was written, `steps` name, wall time in s and
    peak memory in MB each.
    """

    run: str
    config: Mapping[str, Any]
    corpus: Mapping[str, str]
    tokens: Mapping[str, Any]
    device: str
    date: str
    versions: Mapping[str, str]
    steps: Sequence[tuple[str, float | None, float | None]]

    @property
    def is_founding_corpus(self) -> bool:
        """Whether the tokens are the founding experiment's, so that its bands apply."""
        return self.tokens.get("tokens_sha256") == FOUNDING_TOKENS_SHA256


def make_setup(run: str, kind: str, config: Mapping[str, Any], files: Mapping[str, Any]) -> Setup:
    """The set-up of a run of that kind, from its settings and `files`: benchmarks, tokens and model, if any."""
    versions = {"python": platform.python_version()} | {name: version(name) for name in PROGRAMS}
    steps = [_step(Path(benchmark)) for benchmark in files["benchmarks"]]
    date = datetime.date.today().isoformat()
    if not files.get("tokens") or not files.get("model"):
        device = platform.processor() or platform.machine()
        return Setup(run, config, _files_read(config["input"]), {}, device, date, versions, steps)
    read, summary = read_json(files["tokens"]), read_json(files["model"])
    corpus = {"source": f"Text: {read['source']}.", "credit": read["credit"], "sha256": read["corpus_sha256"]}
    corpus["brief"] = corpus["source"]
    if kind == "trained":
        corpus["tokens_in"] = str(Path(files["tokens"]).parent)
    else:
        corpus["source"] = f"{model_in_words(config['model'], summary)}\n\n{read['source']}."
        corpus["brief"] = f"Model: {config['model']['path']}, {summary['architecture']}. Text: {read['source']}."
    return Setup(run, config, corpus, read, summary["device"], date, versions, steps)


def model_in_words(settings: Mapping[str, Any], summary: Mapping[str, Any]) -> str:
    """Sentences on which model from elsewhere was run and how; `settings` of the run's model, `summary` of its head."""
    revision = f" at {settings['revision']}" if settings["revision"] else ""
    said = [
        f"Model: {settings['path']}{revision}, {summary['architecture']}, run in {settings['dtype']} on windows of "
        f"{settings['window']} tokens. {PACKINGS[settings['packing']]} How often a word was seen is counted in the "
        "train part of the text, not in what the model was trained on.",
        f"Hidden states are what the head sees, {summary['dim']} numbers; the head has {summary['words']:,} words"
        f"{' and a bias, a constant last coordinate of each state' if summary['bias'] else ''}.",
    ]
    if summary["softcap"]:
        said.append(
            f"Its logits are softly capped at {summary['softcap']:g}, and so are those of low rank; signals of hidden "
            "states and shares of energy speak of the logits before the cap."
        )
    return " ".join(said)


def run_in_words(setup: Setup, figures: Figures) -> list[str]:
    """What was run, in two lines: text and size; machine, versions, time."""
    documents, tokens = (figures.get("fair_data", "test", name).value for name in ("documents", "tokens"))
    units = "sequences" if figures.get("fair_data", "clusters", "sequences_stand_in").value == 1 else "documents"
    size = f" Judged on {tokens:,.0f} test tokens of {documents:,.0f} {units}." if documents and tokens else ""
    seconds = sum(time for _, time, _ in setup.steps if time is not None)
    versions = ", ".join(f"{name} {setup.versions[name]}" for name in ("python", "torch") if name in setup.versions)
    return [
        f"{setup.corpus['brief']}{size}",
        f"Ran on {setup.device} with {versions}, {setup.date}: {seconds / 60:,.1f} minutes of jobs.",
    ]


def versions_table(setup: Setup) -> Table:
    """One row a program."""
    return Table(["program", "version"], list(setup.versions.items()), left=2)


def steps_table(setup: Setup) -> Table:
    """One row a step, wall time in s and peak memory in MB, and their sum and maximum at the end."""
    _, *measured = zip(*setup.steps, strict=True)
    seconds, memory = ([number for number in own if number is not None] for own in measured)
    rows = [*setup.steps, ("all: sum, highest", sum(seconds), max(memory, default=None))]
    time, peak = Label("time", "s", 1), Label("peak memory", "MB", 0)
    cells = [[rule, value_text(time, own), value_text(peak, most)] for rule, own, most in rows]
    return Table(["step", time.heading, peak.heading], cells)


def splits_table(setup: Setup) -> Table:
    """One row a split: documents, tokens, and the share of tokens that the vocabulary lacks."""
    rows = [
        [split, f"{counts['documents']:,}", f"{counts['tokens']:,}", f"{100 * counts['unknown_share']:.2f}"]
        for split, counts in setup.tokens["splits"].items()
    ]
    return Table(["split", "documents", "tokens", "unknown tokens (%)"], rows)


def config_table(setup: Setup) -> Table:
    """One row a setting, its key dotted."""
    return Table(["key", "value"], list(_flat(setup.config)), left=2)


def _step(benchmark: Path) -> tuple[str, float | None, float | None]:
    """A rule's step from the table that Snakemake measured; None where it was too short."""
    with benchmark.open(newline="") as lines:
        measured = next(csv.DictReader(lines, delimiter="\t"))
    seconds, memory = (
        None if measured[name] in ("-", "NA", "") else float(measured[name]) for name in ("s", "max_rss")
    )
    return benchmark.with_suffix("").as_posix().partition("/benchmarks/")[2], seconds, memory


def _files_read(given: Mapping[str, Any]) -> dict[str, str]:
    """The files of a run from elsewhere, and a hash over them."""
    digest = hashlib.sha256()
    for file in input_files(given):
        with Path(file).open("rb") as stream:
            digest.update(hashlib.file_digest(stream, "sha256").digest())
    named = dict.fromkeys(label_of(given[key]) for key in FILE_KEYS if given.get(key))
    source = f"{given['kind'].capitalize()} from elsewhere: {', '.join(named)}."
    return {"source": source, "brief": source, "credit": "", "sha256": digest.hexdigest()}


def _flat(config: Mapping[str, Any], prefix: str = "") -> Iterator[list[str]]:
    for key, value in config.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{prefix}{key}.")
        else:
            values = value if isinstance(value, list | tuple) else [NULL if value in (None, "") else value]
            yield [prefix + key, ", ".join(map(str, values))]
