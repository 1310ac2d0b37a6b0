"""Fit the exit classifier on all train tokens and predict the loss of every validation token."""

import numpy as np
import torch
from snakemake.iocontainers import Snakemake
from torch.nn.functional import mse_loss

from easyhard.activations.store import read_columns
from easyhard.atomic import write_json
from easyhard.device import use_device
from easyhard.job import run
from easyhard.model.store import write_tensors
from easyhard.probes.founding import exit_classifier, fit
from easyhard.signals.store import write_columns


def main(snakemake: Snakemake) -> None:
    settings = snakemake.params.settings
    device = use_device(snakemake.threads, snakemake.resources.get("gpu", 0))
    train = read_columns(snakemake.input.train, ["hidden", "loss"])
    hidden, loss = (torch.from_numpy(train[name]).to(device) for name in ("hidden", "loss"))
    probe = exit_classifier(loss, settings["exit_classifier"])
    model, _ = fit(hidden, probe, settings["seed"])
    said = probe.say(model, hidden)
    threshold = float(np.median(said.double().cpu().numpy()))  # half of the train tokens are predicted to be easier
    asked = torch.from_numpy(read_columns(snakemake.input.activations, ["hidden"])["hidden"]).to(device)
    write_columns(snakemake.output.signal, {"exit_classifier": probe.say(model, asked).cpu().numpy()})
    write_tensors(snakemake.output.weights, model.state_dict(), {"run": snakemake.wildcards.run})
    write_json(snakemake.output.summary, {"threshold": threshold, "train_mse": mse_loss(said, loss).item()})


run(main)
