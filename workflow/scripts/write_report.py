"""Write the report of a run, and the settings that it came from."""

import csv
import hashlib
import platform
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from easyhard.atomic import atomic_path, read_json, write_json
from easyhard.job import job
from easyhard.report.founding import is_founding_corpus
from easyhard.report.metrics import Figures, read_table
from easyhard.report.own_model import model_in_words
from easyhard.report.render import render

if TYPE_CHECKING:
    from snakemake.iocontainers import Snakemake

    snakemake: Snakemake

NO_FILES = ("kind", "names", "leave_out", "signals")
PROGRAMS = ("torch", "numpy", "pyarrow", "polars", "scipy", "scikit-learn", "snakemake", "transformers")


def step(benchmark: str) -> dict[str, Any]:
    """Wall time and peak memory of a rule, from the table that Snakemake measured; None where it was too short."""
    with Path(benchmark).open(newline="") as lines:
        measured = next(csv.DictReader(lines, delimiter="\t"))
    numbers = {name: None if measured[name] in ("-", "NA", "") else float(measured[name]) for name in ("s", "max_rss")}
    name = Path(benchmark).with_suffix("").as_posix().partition("/benchmarks/")[2]
    return {"rule": name, "seconds": numbers["s"], "max_rss_mb": numbers["max_rss"]}


def trained() -> dict[str, Any]:
    """What the report says of a run whose model is trained here."""
    tokens = read_json(snakemake.input.tokens)
    return {
        "corpus": {
            "source": tokens["source"],
            "credit": tokens["credit"],
            "sha256": tokens["corpus_sha256"],
            "tokens_in": str(Path(snakemake.input.tokens).parent),
        },
        "tokens": tokens,
        "device": read_json(snakemake.input.model)["device"],
        "is_founding_corpus": is_founding_corpus(tokens),
    }


def imported() -> dict[str, Any]:
    """What the report says of a run from elsewhere: its files and a hash over them."""
    given = snakemake.params.config["input"]
    files = [str(value) for key, value in given.items() if value and key not in NO_FILES]
    digest = hashlib.sha256()
    for file in files:
        with Path(file).open("rb") as stream:
            digest.update(hashlib.file_digest(stream, "sha256").digest())
    source = f"{given['kind'].capitalize()} from elsewhere: {', '.join(files)}."
    return {
        "corpus": {"source": source, "credit": "", "sha256": digest.hexdigest()},
        "tokens": {},
        "device": platform.processor() or platform.machine(),
        "is_founding_corpus": False,
    }


def from_elsewhere() -> dict[str, Any]:
    """What the report says of a run whose model was trained elsewhere: that model, and the text it has read."""
    tokens, model = read_json(snakemake.input.tokens), read_json(snakemake.input.model)
    text = {"source": tokens["source"], "credit": tokens["credit"], "sha256": tokens["corpus_sha256"]}
    return {
        "corpus": text | {"source": f"{model_in_words(snakemake.params.config['model'], model)}\n\n{text['source']}."},
        "tokens": tokens,
        "device": model["device"],
        "is_founding_corpus": False,
    }


def main() -> None:
    kind = snakemake.params.kind
    is_trained = kind == "trained"
    setup = {
        "run": snakemake.wildcards.run,
        "config": snakemake.params.config,
        "versions": {"python": platform.python_version(), **{name: version(name) for name in PROGRAMS}},
        "steps": [step(benchmark) for benchmark in snakemake.input.benchmarks],
        **{"trained": trained, "huggingface": from_elsewhere}.get(kind, imported)(),
    }
    write_json(snakemake.output.config, {name: setup[name] for name in ("config", "versions", "tokens", "corpus")})
    table = read_table(Path(snakemake.input.metrics))
    text = render(
        Figures(table) if is_trained else None, setup, snakemake.input.templates[0], fair=Figures(table, "fair")
    )
    with atomic_path(snakemake.output.report) as temporary:
        temporary.write_text(text, encoding="utf-8")


with job(snakemake):
    main()
