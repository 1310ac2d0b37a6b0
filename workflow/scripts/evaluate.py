"""Measure all figures of a run on the rows of its protocols, and put the published ones beside them."""

import os
from pathlib import Path
from typing import TYPE_CHECKING

from easyhard.evaluation.measures import evaluate
from easyhard.evaluation.published import beside_published
from easyhard.evaluation.run import Run
from easyhard.job import job
from easyhard.parquet import write_parquet

if TYPE_CHECKING:
    from snakemake.iocontainers import Snakemake

    snakemake: Snakemake


def main() -> None:
    files = dict(snakemake.input.items())
    threads = min(snakemake.threads, len(os.sched_getaffinity(0)))
    table = evaluate(Run(files, snakemake.params.settings, threads))
    table = beside_published(table, Path(files["published"]), Path(files["bands"]))
    write_parquet(snakemake.output[0], table.to_arrow())


with job(snakemake):
    main()
