"""Put the shards of a table, of signals or words, after one another into one file."""

from typing import TYPE_CHECKING

from easyhard.job import job
from easyhard.signals.store import merge

if TYPE_CHECKING:
    from snakemake.iocontainers import Snakemake

    snakemake: Snakemake

with job(snakemake):
    merge(snakemake.output[0], snakemake.input)
