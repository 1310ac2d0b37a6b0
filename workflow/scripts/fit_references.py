"""Draw the hidden states that distances are measured to, and measure how all of them are spread."""

from collections.abc import Iterator
from dataclasses import asdict
from typing import TYPE_CHECKING

import torch

from easyhard.activations.prefetch import prefetch
from easyhard.activations.store import count_rows, read_batches
from easyhard.device import use_device
from easyhard.job import job
from easyhard.model.store import write_tensors
from easyhard.signals.fair import FIT, read_parts
from easyhard.signals.hidden_batch import fit_references

if TYPE_CHECKING:
    from snakemake.iocontainers import Snakemake

    snakemake: Snakemake


def states(device: torch.device) -> Iterator[torch.Tensor]:
    for batch in prefetch(read_batches(snakemake.input.activations, ["hidden"])):
        yield torch.tensor(batch["hidden"], device=device)


def fit_states(device: torch.device) -> Iterator[torch.Tensor]:
    fit, first = torch.from_numpy(read_parts(snakemake.input.tokens) == FIT), 0
    for hidden in states(device):
        yield hidden[fit[first : (first := first + len(hidden))]]


def main() -> None:
    settings = snakemake.params.settings
    device = use_device(snakemake.threads, snakemake.resources.get("gpu", 0))
    if snakemake.input.get("tokens"):  # trained elsewhere: train states are not known, those of the fit part are
        tokens, batches = int((read_parts(snakemake.input.tokens) == FIT).sum()), fit_states(device)
    else:
        tokens, batches = count_rows(snakemake.input.activations), states(device)
    references = fit_references(batches, tokens, seed=settings["seed"], count=settings["references"])
    write_tensors(snakemake.output[0], asdict(references), {"run": snakemake.wildcards.run})


with job(snakemake):
    main()
