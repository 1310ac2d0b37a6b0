"""Write the report of a run, and the settings that it came from."""

import csv
import platform
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from easyhard.atomic import atomic_path, read_json, write_json
from easyhard.job import job
from easyhard.report.founding import is_founding_corpus
from easyhard.report.metrics import Figures, read_table
from easyhard.report.render import render

if TYPE_CHECKING:
    from snakemake.iocontainers import Snakemake

    snakemake: Snakemake

PROGRAMS = ("torch", "numpy", "pyarrow", "polars", "scipy", "scikit-learn", "snakemake")


def step(benchmark: str) -> dict[str, Any]:
    """Wall time and peak memory of a rule, from the table that Snakemake measured; None where it was too short."""
    with Path(benchmark).open(newline="") as lines:
        measured = next(csv.DictReader(lines, delimiter="\t"))
    numbers = {name: None if measured[name] in ("-", "NA", "") else float(measured[name]) for name in ("s", "max_rss")}
    name = Path(benchmark).with_suffix("").as_posix().partition("/benchmarks/")[2]
    return {"rule": name, "seconds": numbers["s"], "max_rss_mb": numbers["max_rss"]}


def main() -> None:
    tokens = read_json(snakemake.input.tokens)
    setup = {
        "run": snakemake.wildcards.run,
        "config": snakemake.params.config,
        "corpus": {"source": tokens["source"], "credit": tokens["credit"], "sha256": tokens["corpus_sha256"]},
        "tokens": tokens,
        "versions": {"python": platform.python_version(), **{name: version(name) for name in PROGRAMS}},
        "device": read_json(snakemake.input.model)["device"],
        "steps": [step(benchmark) for benchmark in snakemake.input.benchmarks],
        "is_founding_corpus": is_founding_corpus(tokens),
    }
    write_json(snakemake.output.config, {name: setup[name] for name in ("config", "versions", "tokens")})
    figures = Figures(read_table(Path(snakemake.input.metrics)))
    with atomic_path(snakemake.output.report) as temporary:
        temporary.write_text(render(figures, setup, snakemake.input.template), encoding="utf-8")


with job(snakemake):
    main()
