"""Try exit policies of every signal on select documents, and choose those that a true pass is made of."""

import os

from snakemake.iocontainers import Snakemake

from easyhard.atomic import write_json
from easyhard.evaluation.exits import read_heads
from easyhard.evaluation.run import Run
from easyhard.evaluation.trials import Trials, chosen, try_all
from easyhard.job import run


def main(snakemake: Snakemake) -> None:
    threads = min(snakemake.threads, len(os.sched_getaffinity(0)))
    own = Run(dict(snakemake.input.items()), snakemake.params.settings, threads)
    every = try_all(Trials(own, read_heads(own)), lambda tried, _: tried, "policies on select documents")
    write_json(snakemake.output[0], chosen(every, own.settings["point"]))


run(main)
