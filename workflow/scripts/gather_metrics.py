"""Gather the figures of all sections and put the published ones beside them."""

from pathlib import Path
from typing import TYPE_CHECKING

from easyhard.job import job
from easyhard.parquet import write_parquet
from easyhard.report.metrics import gather

if TYPE_CHECKING:
    from snakemake.iocontainers import Snakemake

    snakemake: Snakemake

with job(snakemake):
    parts = [Path(part) for part in snakemake.input.parts]
    table = gather(parts, Path(snakemake.input.published), Path(snakemake.input.bands))
    write_parquet(snakemake.output[0], table.to_arrow())
