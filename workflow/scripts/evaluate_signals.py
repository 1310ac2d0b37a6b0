"""Measure how each signal separates easy from hard tokens."""

from typing import TYPE_CHECKING

from easyhard.activations.store import read_columns
from easyhard.atomic import read_json
from easyhard.evaluation.high_confidence import high_confidence_rows
from easyhard.evaluation.rows import write_rows
from easyhard.evaluation.separation import exit_threshold_rows, separation_rows
from easyhard.evaluation.thresholds import threshold_rows
from easyhard.job import job
from easyhard.signals.store import read_columns as read_signals

if TYPE_CHECKING:
    from snakemake.iocontainers import Snakemake

    snakemake: Snakemake

CONFIDENCES = ("max_probability", "max_logit", "max_minus_mean", "margin")
LOGIT = ("target_probability", *CONFIDENCES, "entropy")

with job(snakemake):
    loss = read_columns(snakemake.input.activations, ["loss"])["loss"]
    signals = read_signals(snakemake.input.logit, LOGIT, rows=len(loss))
    signals |= read_signals(snakemake.input.exit_classifier, ["exit_classifier"], rows=len(loss))
    threshold = read_json(snakemake.input.exit_summary)["threshold"]
    rows = [
        *separation_rows(signals, loss),
        *exit_threshold_rows(signals["exit_classifier"], loss, threshold),
        *threshold_rows(signals["target_probability"], loss),
        *high_confidence_rows({name: signals[name] for name in CONFIDENCES}, loss),
    ]
    write_rows(snakemake.output[0], rows, protocol="published")
