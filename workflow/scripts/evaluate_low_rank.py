"""Measure what each low rank keeps of the exact metrics and of the separation."""

from typing import TYPE_CHECKING

from easyhard.activations.store import read_columns
from easyhard.atomic import read_json
from easyhard.evaluation.low_rank import low_rank_rows
from easyhard.evaluation.rows import write_rows
from easyhard.job import job
from easyhard.signals.store import read_columns as read_signals

if TYPE_CHECKING:
    from snakemake.iocontainers import Snakemake

    snakemake: Snakemake

EXACT = ("max_probability", "max_logit", "max_minus_mean", "margin", "entropy")

with job(snakemake):
    loss = read_columns(snakemake.input.activations, ["loss"])["loss"]
    exact = read_signals(snakemake.input.logit, EXACT, rows=len(loss))
    approximations = read_signals(snakemake.input.low_rank, rows=len(loss))
    rows = low_rank_rows(approximations, exact, loss, read_json(snakemake.input.fidelity))
    write_rows(snakemake.output[0], rows, protocol="published")
