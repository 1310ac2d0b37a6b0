"""Fit the probes of the protocol fair, several seeds each, and once more across folds for the stacks."""

from typing import TYPE_CHECKING, Any

import numpy as np

from easyhard.atomic import write_json
from easyhard.device import use_device
from easyhard.job import job
from easyhard.probes.cross_fit import out_of_fold
from easyhard.probes.fair import available_probes, fit_probes, said, summarise
from easyhard.probes.load import load_probe_data
from easyhard.progress import Progress
from easyhard.signals.fair import FIT, TEST
from easyhard.signals.store import write_batches, write_columns

if TYPE_CHECKING:
    from snakemake.iocontainers import Snakemake

    snakemake: Snakemake


def main() -> None:
    settings: dict[str, Any] = snakemake.params.settings
    own = settings["fair_probes"]
    seeds = [settings["seed"] + number for number in range(own["seeds"])]
    device = use_device(snakemake.threads, snakemake.resources.get("gpu", 0))
    files = snakemake.input
    data, tokens = load_probe_data(
        files.activations,
        files.tokens,
        files.head,
        files.context,
        easy_threshold=settings["main_threshold"],
        label_share=own["label_share"],
        at_most=own["tokens"],
        seed=settings["seed"],
        device=device,
    )
    probes = available_probes(data)
    progress = Progress("probes", len(probes) * len(seeds), "fits")
    fitted = fit_probes(data, probes, own, seeds=seeds, progress=progress)
    every = [np.arange(len(tokens))] * len(fitted)
    batches = (dict(zip(fitted, found, strict=True)) for _, found in said(data, list(fitted.values()), every))
    write_batches(snakemake.output.signals, ({name: pair[1] for name, pair in batch.items()} for batch in batches))
    progress = Progress("probes across folds", len(probes) * own["folds"], "fits")
    fit = tokens.rows(FIT)
    folds = out_of_fold(data, probes, own, fit, folds=own["folds"], seed=seeds[0], progress=progress)
    write_columns(snakemake.output.out_of_fold, folds)
    summaries = summarise(data, list(fitted.values()), own, judged=tokens.rows(TEST))
    costs = {summary["probe"]: {"multiply_adds": summary["multiply_adds"]} for summary in summaries}
    write_json(snakemake.output.costs, costs)
    write_json(snakemake.output.summary, {"probes": summaries})


with job(snakemake):
    main()
