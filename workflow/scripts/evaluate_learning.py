"""Measure probes fitted on ever more documents, on the test tokens."""

from typing import TYPE_CHECKING, Any

import numpy as np

from easyhard.atomic import read_json
from easyhard.evaluation.clusters import make_clusters
from easyhard.evaluation.judge import Judge
from easyhard.evaluation.labels import label_name
from easyhard.evaluation.learning_curve import Fit, learning_rows
from easyhard.evaluation.resampling import draw_resamples
from easyhard.evaluation.rows import write_rows
from easyhard.job import job
from easyhard.signals.fair import TEST, read_fair_tokens, stored_signals

if TYPE_CHECKING:
    from snakemake.iocontainers import Snakemake

    snakemake: Snakemake


def main() -> None:
    settings: dict[str, Any] = snakemake.params.settings
    tokens = read_fair_tokens(snakemake.input.tokens)
    test = tokens.rows(TEST)
    loss = tokens.loss[test].astype(np.float64)
    clusters = make_clusters(tokens.document[test], tokens.sequence[test])
    resamples = draw_resamples(clusters.count, settings["resamples"], settings["seed"])
    label = label_name(settings["main_threshold"])
    judge = Judge(loss, {label: loss > settings["main_threshold"]}, clusters, resamples)
    sizes, fits = read_json(snakemake.input.summary), {}
    for signal in stored_signals([snakemake.input.predictions]):
        probe, _, fraction = signal.name.rpartition("/")
        easy = [values.astype(np.float64) for values in signal.read(len(test))]
        aurocs = [judge.measure(-values)[f"auroc_{label}"] for values in easy]
        used, documents = sizes[signal.name]
        fits[probe, float(fraction)] = Fit(used, documents, aurocs)
    write_rows(snakemake.output[0], learning_rows(fits, clusters.count, resamples), protocol="fair")


with job(snakemake):
    main()
