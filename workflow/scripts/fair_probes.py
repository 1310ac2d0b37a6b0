"""Fit the probes of the protocol fair, several seeds each, and once more across folds for the stacks."""

from typing import TYPE_CHECKING, Any

from easyhard.atomic import write_json
from easyhard.device import use_device
from easyhard.job import job
from easyhard.probes.cross_fit import out_of_fold
from easyhard.probes.fair import available_probes, fit_probes
from easyhard.probes.load import load_probe_data
from easyhard.progress import Progress
from easyhard.signals.store import write_columns

if TYPE_CHECKING:
    from snakemake.iocontainers import Snakemake

    snakemake: Snakemake


def main() -> None:
    settings: dict[str, Any] = snakemake.params.settings
    own = settings["fair_probes"]
    seeds = [settings["seed"] + number for number in range(own["seeds"])]
    device = use_device(snakemake.threads, snakemake.resources.get("gpu", 0))
    files = snakemake.input
    data, test = load_probe_data(
        files.activations,
        files.tokens,
        files.head,
        files.context,
        easy_threshold=settings["main_threshold"],
        label_share=own["label_share"],
        device=device,
    )
    probes = available_probes(data)
    columns, summaries = fit_probes(
        data, probes, own, seeds=seeds, judged=test, progress=Progress("probes", len(probes) * len(seeds), "fits")
    )
    write_columns(snakemake.output.signals, columns)
    progress = Progress("probes across folds", len(probes) * own["folds"], "fits")
    folds = out_of_fold(data, probes, own, folds=own["folds"], seed=seeds[0], progress=progress)
    write_columns(snakemake.output.out_of_fold, folds)
    write_json(
        snakemake.output.costs, {summary["probe"]: {"multiply_adds": summary["multiply_adds"]} for summary in summaries}
    )
    write_json(snakemake.output.summary, {"probes": summaries})


with job(snakemake):
    main()
