"""Fit the probes of a row set, and write what they say of its tokens."""

from snakemake.iocontainers import Snakemake

from easyhard.atomic import write_json
from easyhard.device import use_device
from easyhard.job import run
from easyhard.probes.row_sets import FITTED
from easyhard.signals.store import write_batches


def main(snakemake: Snakemake) -> None:
    device = use_device(snakemake.threads, snakemake.resources.get("gpu", 0))
    files = dict(snakemake.input.items())
    signals, held_out, summary = FITTED[snakemake.wildcards.rows](files, snakemake.params.settings, device)
    write_batches(snakemake.output.signals, signals)
    write_batches(snakemake.output.held_out, held_out)
    write_json(snakemake.output.summary, summary)


run(main)
