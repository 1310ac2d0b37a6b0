"""Measure the probes on their test tokens."""

from typing import TYPE_CHECKING

from easyhard.evaluation.classification import classification_rows
from easyhard.evaluation.metric_prediction import metric_prediction_rows
from easyhard.evaluation.regression import regression_rows
from easyhard.evaluation.rows import write_rows
from easyhard.job import job
from easyhard.probes.store import read_loss_predictions, read_metric_predictions

if TYPE_CHECKING:
    from snakemake.iocontainers import Snakemake

    snakemake: Snakemake

with job(snakemake):
    loss = read_loss_predictions(snakemake.input.loss)
    metrics = read_metric_predictions(snakemake.input.metrics)
    rows = [
        *regression_rows(loss.regression, loss.loss),
        *classification_rows(loss.classification, loss.loss, snakemake.params.easy_threshold),
        *metric_prediction_rows(metrics.actual, metrics.predicted),
    ]
    write_rows(snakemake.output[0], rows, protocol="published")
