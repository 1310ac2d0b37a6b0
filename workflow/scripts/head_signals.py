"""Compute every signal of the logits, plain and at the fitted temperature, for all tokens of the protocol fair."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray

from easyhard.activations.prefetch import prefetch
from easyhard.activations.store import read_batches
from easyhard.atomic import write_json
from easyhard.device import use_device
from easyhard.job import job
from easyhard.logits.temperature import fit_temperature
from easyhard.model.store import read_head, read_softcap
from easyhard.progress import Progress
from easyhard.signals.fair import FIT, read_fair_tokens
from easyhard.signals.head_batch import head_signals
from easyhard.signals.store import read_columns, write_batches

if TYPE_CHECKING:
    from snakemake.iocontainers import Snakemake

    snakemake: Snakemake

CALIBRATION_TOKENS = 8_192  # of the fit part, evenly spaced; one more pass over the vocabulary for each step of the fit


def batches(device: torch.device) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
    for batch in prefetch(read_batches(snakemake.input.activations, ["hidden", "target"])):
        hidden = torch.tensor(batch["hidden"], device=device)
        yield hidden, torch.tensor(batch["target"], dtype=torch.int64, device=device)


def calibration_tokens(fit: NDArray[np.int64], device: torch.device) -> tuple[torch.Tensor, torch.Tensor]:
    """Hidden states and targets of some of the rows `fit`."""
    wanted = fit[:: -(-len(fit) // CALIBRATION_TOKENS)]
    hidden, target, first = [], [], 0
    for states, targets in batches(device):
        rows = torch.from_numpy(wanted[(wanted >= first) & (wanted < first + len(states))] - first).to(device)
        hidden.append(states[rows])
        target.append(targets[rows])
        first += len(states)
    return torch.cat(hidden), torch.cat(target)


def main() -> None:
    device = use_device(snakemake.threads, snakemake.resources.get("gpu", 0))
    head = read_head(snakemake.input.head).to(device)
    tokens = read_fair_tokens(snakemake.input.tokens)
    counts = snakemake.input.get("counts")
    counts = read_columns(counts, ["count"], rows=len(head))["count"] if counts else None
    hidden, target = calibration_tokens(tokens.rows(FIT), device)
    softcap = read_softcap(snakemake.input.head)
    temperature = fit_temperature(hidden, head, target, softcap=softcap) if bool((target >= 0).all()) else None
    progress, done = Progress("signals of the logits", len(tokens), "tokens"), 0

    def signals() -> Iterator[dict[str, NDArray[np.float32]]]:
        nonlocal done
        for states, targets in batches(device):
            known = targets if temperature is not None else None
            found = head_signals(states, head, known, temperature=temperature, counts=counts, softcap=softcap)
            yield {name: values.cpu().numpy() for name, values in found.items()}
            progress.update(done := done + len(states))

    write_batches(snakemake.output.signals, signals())
    words, dim = head.shape
    write_json(snakemake.output.summary, {"words": words, "dim": dim, "temperature": temperature})


with job(snakemake):
    main()
