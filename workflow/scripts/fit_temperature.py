"""Fit the temperature of the softmax on fit tokens, and write what is to be known of the output head."""

from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray

from easyhard.activations.prefetch import prefetch
from easyhard.activations.store import count_rows, read_where
from easyhard.atomic import write_json
from easyhard.device import use_device
from easyhard.job import job
from easyhard.logits.temperature import fit_temperature
from easyhard.model.store import read_head, read_softcap
from easyhard.signals.fair import FIT, read_fair_tokens

if TYPE_CHECKING:
    from snakemake.iocontainers import Snakemake

    snakemake: Snakemake

CALIBRATION_TOKENS = 8_192  # of the fit part, evenly spaced; one more pass over the vocabulary for each step of the fit


def calibration_tokens(fit: NDArray[np.int64], device: torch.device) -> tuple[torch.Tensor, torch.Tensor]:
    """Hidden states and targets of some of the rows `fit`."""
    wanted = np.zeros(count_rows(snakemake.input.activations), dtype=bool)
    wanted[fit[:: -(-len(fit) // CALIBRATION_TOKENS)]] = True
    batches = list(prefetch(read_where(snakemake.input.activations, ["hidden", "target"], wanted)))
    hidden, target = (np.concatenate([batch[name] for batch in batches]) for name in ("hidden", "target"))
    return torch.tensor(hidden, device=device), torch.tensor(target, dtype=torch.int64, device=device)


def main() -> None:
    device = use_device(snakemake.threads, snakemake.resources.get("gpu", 0))
    head = read_head(snakemake.input.head).to(device)
    hidden, target = calibration_tokens(read_fair_tokens(snakemake.input.tokens).rows(FIT), device)
    softcap = read_softcap(snakemake.input.head)
    temperature = fit_temperature(hidden, head, target, softcap=softcap) if bool((target >= 0).all()) else None
    words, dim = head.shape
    write_json(snakemake.output[0], {"words": words, "dim": dim, "temperature": temperature})


with job(snakemake):
    main()
