"""Compute every signal of earlier tokens alone, for all tokens of the protocol fair."""

from typing import TYPE_CHECKING

from easyhard.job import job
from easyhard.signals.context import context_signals
from easyhard.signals.fair import FIT
from easyhard.signals.store import read_columns, write_columns

if TYPE_CHECKING:
    from snakemake.iocontainers import Snakemake

    snakemake: Snakemake

with job(snakemake):
    rows = read_columns(snakemake.input.tokens, ["document", "token", "position", "loss", "part"])
    counts = snakemake.input.get("counts")
    counts = read_columns(counts, ["count"])["count"] if counts else None
    mean_loss = float(rows["loss"][rows.pop("part") == FIT].mean(dtype="float64"))
    if (rows["token"] < 0).any():  # not known
        del rows["token"]
    write_columns(snakemake.output[0], context_signals(rows, mean_loss=mean_loss, counts=counts))
