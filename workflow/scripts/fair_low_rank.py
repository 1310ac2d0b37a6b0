"""Compute the signals of the logits at every low rank of one kind, previews and refined, in one sweep."""

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
from easyhard.logits.low_rank import LOW_RANK_STATISTICS, LowRankSweep
from easyhard.logits.moments import Moments, moments, pooled
from easyhard.logits.refine import REFINED_STATISTICS
from easyhard.model.store import read_head, read_softcap
from easyhard.progress import Progress
from easyhard.signals.fair import FIT, TEST, read_fair_tokens
from easyhard.signals.store import write_batches, write_columns

if TYPE_CHECKING:
    from snakemake.iocontainers import Snakemake

    snakemake: Snakemake

WORDS = ("argmax", "refined_argmax")


def hidden_batches(device: torch.device) -> Iterator[tuple[slice, torch.Tensor]]:
    """Hidden states with the rows that they are."""
    first = 0
    for batch in prefetch(read_batches(snakemake.input.activations, ["hidden"])):
        hidden = torch.tensor(batch["hidden"], device=device)
        yield slice(first, first := first + len(hidden)), hidden


def fit_moments(fit: NDArray[np.bool_], device: torch.device) -> Moments:
    """Moments of the states of the rows `fit`: those of test documents have no say in the factors."""
    batches = ((torch.from_numpy(fit[rows]), hidden) for rows, hidden in hidden_batches(device))
    return pooled(moments(hidden[own]) for own, hidden in batches if own.any())


def spread(values: NDArray[np.float32] | None, own: NDArray[np.bool_]) -> NDArray[np.float32]:
    """The values in the rows that are theirs, NaN in the others: what nobody reads is not computed."""
    column = np.full(len(own), np.nan, dtype=np.float32)
    if values is not None:
        column[own] = values
    return column


def main() -> None:
    settings, kind = snakemake.params.settings, snakemake.wildcards.kind
    device = use_device(snakemake.threads, snakemake.resources.get("gpu", 0))
    tokens = read_fair_tokens(snakemake.input.tokens)
    sweep = LowRankSweep(
        read_head(snakemake.input.head).to(device),
        sorted(settings["ranks"]),
        kind=kind,
        states=fit_moments(tokens.part == FIT, device) if kind == "weighted" else None,
        statistics=(*LOW_RANK_STATISTICS, "argmax"),
        refined=settings["refined"],
        softcap=read_softcap(snakemake.input.head),
    )
    wanted = (tokens.part != FIT) | settings["fit_too"]
    progress, done = Progress(f"{kind} low rank", int(wanted.sum()), "tokens"), 0
    words: list[dict[str, NDArray[np.int32]]] = []
    statistics = [name for name in (*LOW_RANK_STATISTICS, *REFINED_STATISTICS) if name not in WORDS]
    names = [f"{kind}/{rank}/{name}" for rank in sweep.ranks for name in statistics]

    def signals() -> Iterator[dict[str, NDArray[np.float32]]]:
        nonlocal done
        for rows, hidden in hidden_batches(device):
            own = wanted[rows]
            found = {
                f"{kind}/{rank}/{name}": values.cpu().numpy()
                for rank, computed in (sweep.run(hidden[torch.from_numpy(own)]) if own.any() else {}).items()
                for name, values in computed.items()
            }
            test = tokens.part[rows][own] == TEST
            words.append({name: found[name][test].astype(np.int32) for name in found if name.endswith(WORDS)})
            yield {name: spread(found.get(name), own) for name in names}
            progress.update(done := done + int(own.sum()))

    write_batches(snakemake.output.signals, signals())
    words = [part for part in words if part]  # batches with tokens
    write_columns(snakemake.output.words, {name: np.concatenate([part[name] for part in words]) for name in words[0]})
    coverage = {str(rank): sweep.coverage(rank) for rank in sweep.ranks}
    write_json(snakemake.output.summary, {"coverage": coverage, "refined": settings["refined"]})


with job(snakemake):
    main()
