"""Draw the figures of the report."""

import math
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from easyhard.activations.store import read_columns
from easyhard.atomic import read_json
from easyhard.evaluation.density import loss_density
from easyhard.job import job
from easyhard.model.curve import read_curve
from easyhard.probes.store import read_loss_predictions
from easyhard.report import figures as draw
from easyhard.report.metrics import Figures, read_table
from easyhard.report.style import save
from easyhard.signals.store import read_columns as read_signals
from easyhard.tokens.sequences import unseen_targets
from easyhard.tokens.store import read_stream

if TYPE_CHECKING:
    from snakemake.iocontainers import Snakemake

    snakemake: Snakemake

SHOWN = ("target_probability", "max_probability", "max_logit", "max_minus_mean", "margin", "entropy")


def main() -> None:
    files, cutting = snakemake.input, snakemake.params.sequences
    metrics = Figures(read_table(Path(files.metrics)))
    curve = read_curve(files.curve)
    columns = read_columns(files.activations, ["loss", "target"])
    loss = columns["loss"].astype(np.float64)
    vocabulary_size = read_json(files.tokens)["vocabulary_size"]
    unseen = unseen_targets(columns["target"], read_stream(files.train).token, vocabulary_size, cutting)
    density = loss_density(loss)
    signals = read_signals(files.logit, SHOWN, rows=len(loss))
    signals |= read_signals(files.exit_classifier, rows=len(loss))
    predictions = read_loss_predictions(files.loss_predictions)
    drawn = {
        "training_curve": draw.training_curve(
            [math.exp(point.train_loss) for point in curve], [math.exp(point.validation_loss) for point in curve]
        ),
        "loss_histogram": draw.loss_histogram(loss, unseen, density.grid, density.values, density.modes.tolist()),
        "signals_against_loss": draw.signals_against_loss(loss, signals),
        "separation": draw.separation(metrics),
        "low_rank": draw.low_rank(metrics),
        "regression": draw.regression(predictions.loss, predictions.regression),
    }
    for name, figure in drawn.items():
        save(figure, snakemake.output[name], Path(snakemake.output[name]).with_suffix(".png"))


with job(snakemake):
    main()
