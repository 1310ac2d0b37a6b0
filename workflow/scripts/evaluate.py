"""Measure all figures of a run on the rows of its protocols, and put the published ones beside them."""

import os
from pathlib import Path

from snakemake.iocontainers import Snakemake

from easyhard.evaluation.measures import evaluate
from easyhard.evaluation.published import beside_published
from easyhard.evaluation.run import Run
from easyhard.job import run
from easyhard.parquet import write_parquet


def main(snakemake: Snakemake) -> None:
    files = dict(snakemake.input.items())
    threads = min(snakemake.threads, len(os.sched_getaffinity(0)))
    table = evaluate(Run(files, snakemake.params.settings, threads))
    table = beside_published(table, Path(files["published"]), Path(files["bands"]))
    write_parquet(snakemake.output[0], table.to_arrow())


run(main)
