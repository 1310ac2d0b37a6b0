"""Grow a stack of all signals of each cost class, by documents, and see which signals it rests on."""

import os

from snakemake.iocontainers import Snakemake

from easyhard.atomic import write_json
from easyhard.job import run
from easyhard.probes.stacks import grow_stacks
from easyhard.signals.store import write_batches


def main(snakemake: Snakemake) -> None:
    threads = min(snakemake.threads, len(os.sched_getaffinity(0)))
    settings, kind = snakemake.params.settings, snakemake.params.kind
    said, summary = grow_stacks(dict(snakemake.input.items()), settings, kind, threads)
    write_batches(snakemake.output.signals, said)
    write_json(snakemake.output.summary, summary)


run(main)
