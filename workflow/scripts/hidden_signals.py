"""Compute every signal of the hidden state alone, for all tokens of the protocol fair."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray

from easyhard.activations.prefetch import prefetch
from easyhard.activations.store import count_rows, read_batches, read_columns
from easyhard.device import use_device
from easyhard.job import job
from easyhard.logits.moments import moments
from easyhard.model.store import read_head
from easyhard.progress import Progress
from easyhard.signals.fair import FIT, read_fair_tokens
from easyhard.signals.hidden_batch import fit_references, hidden_signals
from easyhard.signals.store import write_batches

if TYPE_CHECKING:
    from snakemake.iocontainers import Snakemake

    snakemake: Snakemake


def reference_states() -> NDArray[np.generic]:
    """States of the train tokens; of the tokens to fit on where training happened elsewhere."""
    if snakemake.input.get("train"):
        return read_columns(snakemake.input.train, ["hidden"])["hidden"]
    fit = read_fair_tokens(snakemake.input.tokens).rows(FIT)
    return read_columns(snakemake.input.activations, ["hidden"])["hidden"][fit]


def main() -> None:
    settings = snakemake.params.settings
    device = use_device(snakemake.threads, snakemake.resources.get("gpu", 0))
    head = moments(read_head(snakemake.input.head).to(device))
    states = torch.from_numpy(reference_states()).to(device)
    references = fit_references(states, seed=settings["seed"], count=settings["references"])
    progress, done = Progress("signals of hidden states", count_rows(snakemake.input.activations), "tokens"), 0

    def signals() -> Iterator[dict[str, NDArray[np.float32]]]:
        nonlocal done
        for batch in prefetch(read_batches(snakemake.input.activations, ["hidden"])):
            found = hidden_signals(torch.tensor(batch["hidden"], device=device), head, references)
            yield {name: values.cpu().numpy() for name, values in found.items()}
            progress.update(done := done + len(batch["hidden"]))

    write_batches(snakemake.output[0], signals())


with job(snakemake):
    main()
