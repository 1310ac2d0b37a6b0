"""How far a signal without the target can get on this model, and how well the model is calibrated."""

from typing import TYPE_CHECKING

import numpy as np

from easyhard.atomic import read_json
from easyhard.evaluation.calibration import Softmax, calibration_rows
from easyhard.evaluation.ceilings import ceiling_rows
from easyhard.evaluation.labels import label_name, label_thresholds
from easyhard.evaluation.rows import write_rows
from easyhard.job import job
from easyhard.signals.fair import TEST, argmax_wrong, read_fair_tokens, stored_signals
from easyhard.signals.store import read_columns

if TYPE_CHECKING:
    from snakemake.iocontainers import Snakemake

    snakemake: Snakemake

MODEL = ("max_probability", "loss")
SCALED = ("scaled_max_probability", "scaled_loss")


def main() -> None:
    tokens = read_fair_tokens(snakemake.input.tokens)
    test = tokens.rows(TEST)
    signals = {signal.name: signal for signal in stored_signals([snakemake.input.signals])}
    drawn = read_columns(snakemake.input.words, rows=len(test))
    thresholds = label_thresholds(snakemake.params.thresholds, tokens.loss[test].astype(np.float64))
    tails = {label_name(threshold): f"tail_mass_{threshold:g}" for threshold in snakemake.params.thresholds}
    known = {label: signals[name].read(len(tokens))[0][test] for label, name in tails.items() if name in signals}
    entropy = signals["entropy"].read(len(tokens))[0][test]
    draws = np.stack([column for name, column in drawn.items() if name.startswith("draw_")], axis=1)
    rows = ceiling_rows(known, thresholds, entropy, draws)
    wrong = argmax_wrong(snakemake.input.tokens, signals.values(), len(tokens))
    if wrong is not None:
        columns = {name: signals[name].read(len(tokens))[0][test] for name in (*SCALED, MODEL[0])}
        temperature = read_json(snakemake.input.summary)["temperature"]
        models = {
            "model": Softmax(1.0, columns["max_probability"], tokens.loss[test]),
            "temperature": Softmax(temperature, columns["scaled_max_probability"], columns["scaled_loss"]),
        }
        rows += calibration_rows(models, ~wrong[test])
    write_rows(snakemake.output[0], rows, protocol="fair")


with job(snakemake):
    main()
