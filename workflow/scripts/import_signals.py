"""Read losses and signals that another program has measured, and part their documents."""

from typing import TYPE_CHECKING

from easyhard.imports.signals import import_signals, signal_batches
from easyhard.job import job
from easyhard.signals.context import read_context_signals
from easyhard.signals.store import write_batches, write_columns
from easyhard.tokens.parts import parted

if TYPE_CHECKING:
    from snakemake.iocontainers import Snakemake

    snakemake: Snakemake

with job(snakemake):
    settings = snakemake.params.settings
    rows, signals = import_signals(settings["input"], length=settings["length"])
    write_batches(snakemake.output.signals, signal_batches(settings["input"]["path"], signals))
    write_columns(snakemake.output.tokens, parted(rows, settings))
    context = read_context_signals(snakemake.output.tokens, None, slice(0, len(rows["loss"])))
    write_columns(snakemake.output.context, context)
