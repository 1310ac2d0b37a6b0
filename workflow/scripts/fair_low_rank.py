"""Compute the signals of the logits at every low rank of one kind, previews and refined, for one shard in one sweep."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray

from easyhard.activations.prefetch import prefetch
from easyhard.activations.store import count_rows, read_batches
from easyhard.atomic import write_json
from easyhard.device import use_device
from easyhard.job import job
from easyhard.logits.low_rank import LOW_RANK_STATISTICS, LowRankSweep
from easyhard.logits.moments import Moments
from easyhard.logits.refine import REFINED_STATISTICS
from easyhard.model.store import read_head, read_softcap, read_tensors
from easyhard.progress import Progress
from easyhard.signals.fair import FIT, TEST, read_parts
from easyhard.signals.store import write_batches

if TYPE_CHECKING:
    from snakemake.iocontainers import Snakemake

    snakemake: Snakemake

WORDS = ("argmax", "refined_argmax")


def weights(device: torch.device) -> Moments | None:
    """Moments of the states of fit documents: those of test documents have no say in the factors."""
    if not snakemake.input.get("moments"):
        return None
    stored = read_tensors(snakemake.input.moments)
    return Moments(int(stored["count"]), stored["mean"].to(device), stored["second"].to(device))


def spread(values: NDArray[np.float32] | None, own: NDArray[np.bool_]) -> NDArray[np.float32]:
    """The values in the rows that are theirs, NaN in the others: what nobody reads is not computed."""
    column = np.full(len(own), np.nan, dtype=np.float32)
    if values is not None:
        column[own] = values
    return column


def main() -> None:
    settings, kind = snakemake.params.settings, snakemake.wildcards.kind
    device = use_device(snakemake.threads, snakemake.resources.get("gpu", 0))
    shard, first = [snakemake.input.activations], count_rows(snakemake.input.before)
    part = read_parts(snakemake.input.tokens)[first : first + count_rows(shard)]
    sweep = LowRankSweep(
        read_head(snakemake.input.head).to(device),
        sorted(settings["ranks"]),
        kind=kind,
        states=weights(device),
        statistics=(*LOW_RANK_STATISTICS, "argmax"),
        refined=settings["refined"],
        softcap=read_softcap(snakemake.input.head),
    )
    wanted = (part != FIT) | settings["fit_too"]
    progress, done = Progress(f"{kind} low rank", int(wanted.sum()), "tokens"), 0
    words: list[dict[str, NDArray[np.int32]]] = []
    statistics = [name for name in (*LOW_RANK_STATISTICS, *REFINED_STATISTICS) if name not in WORDS]
    names = [f"{kind}/{rank}/{name}" for rank in sweep.ranks for name in statistics]

    def signals() -> Iterator[dict[str, NDArray[np.float32]]]:
        nonlocal done
        row = 0
        for batch in prefetch(read_batches(shard, ["hidden"])):
            rows = slice(row, row := row + len(batch["hidden"]))
            own = wanted[rows]
            hidden = torch.tensor(batch["hidden"][own], device=device)
            found = {
                f"{kind}/{rank}/{name}": values.cpu().numpy()
                for rank, computed in (sweep.run(hidden) if own.any() else {}).items()
                for name, values in computed.items()
            }
            test = part[rows][own] == TEST
            words.append({name: found[name][test].astype(np.int32) for name in found if name.endswith(WORDS)})
            yield {name: spread(found.get(name), own) for name in names}
            progress.update(done := done + int(own.sum()))

    write_batches(snakemake.output.signals, signals())
    write_batches(snakemake.output.words, [batch for batch in words if batch])  # of batches with tokens
    coverage = {str(rank): sweep.coverage(rank) for rank in sweep.ranks}
    write_json(snakemake.output.summary, {"coverage": coverage, "refined": settings["refined"]})


with job(snakemake):
    main()
