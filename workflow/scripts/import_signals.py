"""Read losses and signals that another program has measured, and part their documents."""

from snakemake.iocontainers import Snakemake

from easyhard.atomic import write_json
from easyhard.imports.signals import import_signals, signal_batches
from easyhard.job import run
from easyhard.signals.context import read_context_signals
from easyhard.signals.parts import parted
from easyhard.signals.store import write_batches, write_columns


def main(snakemake: Snakemake) -> None:
    settings = snakemake.params.settings
    own = import_signals(settings["input"], length=settings["length"])
    write_batches(snakemake.output.signals, signal_batches(own))
    write_columns(snakemake.output.tokens, parted(own.tokens, settings))
    write_json(snakemake.output.summary, own.wanted.summary())
    context = read_context_signals(snakemake.output.tokens, None, slice(0, len(own.tokens["loss"])))
    write_columns(snakemake.output.context, context)


run(main)
