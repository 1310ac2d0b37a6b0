"""Train the founding MLPs on the loss: four regressions, four classifiers."""

from typing import TYPE_CHECKING

import torch

from easyhard.activations.store import read_columns
from easyhard.atomic import write_json
from easyhard.device import use_device
from easyhard.job import job
from easyhard.probes.loss_probes import fit_loss_probes
from easyhard.probes.mlp import HIDDEN_SIZES
from easyhard.probes.store import write_loss_predictions
from easyhard.progress import Progress

if TYPE_CHECKING:
    from snakemake.iocontainers import Snakemake

    snakemake: Snakemake


def main() -> None:
    settings = snakemake.params.settings
    device = use_device(snakemake.threads, snakemake.resources.get("gpu", 0))
    columns = read_columns(snakemake.input.activations, ["hidden", "loss"])
    hidden, loss = (torch.from_numpy(columns[name]).to(device) for name in ("hidden", "loss"))
    progress = Progress("loss probes", 2 * len(HIDDEN_SIZES), "probes")
    predictions, summary = fit_loss_probes(
        hidden, loss, settings["loss_probes"], seed=settings["seed"], progress=progress
    )
    write_loss_predictions(snakemake.output.predictions, predictions)
    write_json(snakemake.output.summary, {"probes": summary})


with job(snakemake):
    main()
