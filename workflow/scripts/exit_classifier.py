"""Fit the exit classifier on all train tokens and predict the loss of every validation token."""

from typing import TYPE_CHECKING

import torch

from easyhard.activations.store import read_columns
from easyhard.atomic import write_json
from easyhard.device import use_device
from easyhard.job import job
from easyhard.model.store import write_tensors
from easyhard.probes.exit_classifier import fit_exit_classifier, predict
from easyhard.progress import Progress
from easyhard.signals.store import write_columns

if TYPE_CHECKING:
    from snakemake.iocontainers import Snakemake

    snakemake: Snakemake


def main() -> None:
    settings = snakemake.params.settings
    device = use_device(snakemake.threads, snakemake.resources.get("gpu", 0))
    train = read_columns(snakemake.input.train, ["hidden", "loss"])
    fitted = fit_exit_classifier(
        torch.from_numpy(train["hidden"]).to(device),
        torch.from_numpy(train["loss"]).to(device),
        **settings["exit_classifier"],
        seed=settings["seed"],
        progress=Progress("exit classifier", settings["exit_classifier"]["epochs"], "epochs"),
    )
    validation = torch.from_numpy(read_columns(snakemake.input.validation, ["hidden"])["hidden"]).to(device)
    write_columns(snakemake.output.signal, {"exit_classifier": predict(fitted, validation).cpu().numpy()})
    write_tensors(snakemake.output.weights, fitted.model.state_dict(), {"run": snakemake.wildcards.run})
    summary = {"threshold": fitted.threshold, "train_mse": fitted.train_mse, "seconds": fitted.seconds}
    write_json(snakemake.output.summary, summary)


with job(snakemake):
    main()
