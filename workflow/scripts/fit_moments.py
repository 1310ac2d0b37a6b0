"""Measure the moments of the fit documents' hidden states, which weight a low rank of the head."""

from collections.abc import Iterator
from dataclasses import asdict
from typing import TYPE_CHECKING

import torch

from easyhard.activations.prefetch import prefetch
from easyhard.activations.store import read_where
from easyhard.device import use_device
from easyhard.job import job
from easyhard.logits.moments import Moments, moments, pooled
from easyhard.model.store import write_tensors
from easyhard.signals.fair import FIT, read_parts

if TYPE_CHECKING:
    from snakemake.iocontainers import Snakemake

    snakemake: Snakemake


def fit_moments(device: torch.device) -> Iterator[Moments]:
    fit = read_parts(snakemake.input.tokens) == FIT
    for batch in prefetch(read_where(snakemake.input.activations, ["hidden"], fit)):
        yield moments(torch.tensor(batch["hidden"], device=device))


def main() -> None:
    device = use_device(snakemake.threads, snakemake.resources.get("gpu", 0))
    found = asdict(pooled(fit_moments(device)))
    tensors = {name: torch.as_tensor(value) for name, value in found.items()}
    write_tensors(snakemake.output[0], tensors, {"run": snakemake.wildcards.run})


with job(snakemake):
    main()
