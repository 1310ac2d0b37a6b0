"""Draw the hidden states that distances are measured to, and measure how all of them are spread."""

from dataclasses import asdict
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray

from easyhard.activations.prefetch import prefetch
from easyhard.activations.store import count_rows, read_where
from easyhard.device import use_device
from easyhard.job import job
from easyhard.model.store import write_tensors
from easyhard.signals.fair import FIT, read_parts
from easyhard.signals.hidden_batch import fit_references

if TYPE_CHECKING:
    from snakemake.iocontainers import Snakemake

    snakemake: Snakemake


def wanted() -> NDArray[np.bool_]:
    """All train states; where a model was trained elsewhere, and they are not known, those of the fit part."""
    if snakemake.input.get("tokens"):
        return read_parts(snakemake.input.tokens) == FIT
    return np.ones(count_rows(snakemake.input.activations), dtype=bool)


def main() -> None:
    settings = snakemake.params.settings
    device = use_device(snakemake.threads, snakemake.resources.get("gpu", 0))
    rows = wanted()
    states = (
        torch.tensor(batch["hidden"], device=device)
        for batch in prefetch(read_where(snakemake.input.activations, ["hidden"], rows))
    )
    references = fit_references(states, int(rows.sum()), seed=settings["seed"], count=settings["references"])
    write_tensors(snakemake.output[0], asdict(references), {"run": snakemake.wildcards.run})


with job(snakemake):
    main()
