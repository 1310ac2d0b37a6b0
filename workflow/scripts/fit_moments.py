"""Measure the moments of the fit documents' hidden states, which weight a low rank of the head."""

from collections.abc import Iterator
from dataclasses import asdict
from typing import TYPE_CHECKING

import torch

from easyhard.activations.prefetch import prefetch
from easyhard.activations.store import read_batches
from easyhard.device import use_device
from easyhard.job import job
from easyhard.logits.moments import Moments, moments, pooled
from easyhard.model.store import write_tensors
from easyhard.signals.fair import FIT, read_parts

if TYPE_CHECKING:
    from snakemake.iocontainers import Snakemake

    snakemake: Snakemake


def fit_moments(device: torch.device) -> Iterator[Moments]:
    fit, first = torch.from_numpy(read_parts(snakemake.input.tokens) == FIT), 0
    for batch in prefetch(read_batches(snakemake.input.activations, ["hidden"])):
        own = fit[first : (first := first + len(batch["hidden"]))]
        if own.any():
            yield moments(torch.tensor(batch["hidden"], device=device)[own])


def main() -> None:
    device = use_device(snakemake.threads, snakemake.resources.get("gpu", 0))
    found = asdict(pooled(fit_moments(device)))
    tensors = {name: torch.as_tensor(value) for name, value in found.items()}
    write_tensors(snakemake.output[0], tensors, {"run": snakemake.wildcards.run})


with job(snakemake):
    main()
