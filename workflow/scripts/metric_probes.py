"""Train one probe per logit metric to foretell it from the hidden state."""

from typing import TYPE_CHECKING

import torch

from easyhard.activations.store import read_columns
from easyhard.atomic import write_json
from easyhard.device import use_device
from easyhard.job import job
from easyhard.probes.metric_probes import fit_metric_probes
from easyhard.probes.store import write_metric_predictions
from easyhard.progress import Progress
from easyhard.signals.store import read_columns as read_signals

if TYPE_CHECKING:
    from snakemake.iocontainers import Snakemake

    snakemake: Snakemake

FORETOLD = ("max_probability", "max_logit", "max_minus_mean", "margin")


def main() -> None:
    settings = snakemake.params.settings
    device = use_device(snakemake.threads, snakemake.resources.get("gpu", 0))
    hidden = torch.from_numpy(read_columns(snakemake.input.activations, ["hidden"])["hidden"]).to(device)
    signals = read_signals(snakemake.input.logit, FORETOLD, rows=len(hidden))
    metrics = {name: torch.tensor(values, device=device) for name, values in signals.items()}
    progress = Progress("metric probes", len(FORETOLD), "probes")
    predictions, summary = fit_metric_probes(
        hidden, metrics, settings["metric_probes"], seed=settings["seed"], progress=progress
    )
    write_metric_predictions(snakemake.output.predictions, predictions)
    write_json(snakemake.output.summary, {"probes": summary})


with job(snakemake):
    main()
