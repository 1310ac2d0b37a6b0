"""What the probes of the protocol fair read, from the files of a run."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from easyhard.activations.prefetch import prefetch
from easyhard.activations.store import read_batches, read_where
from easyhard.probes.documents import whole_documents
from easyhard.probes.fair import ProbeData
from easyhard.probes.tasks import tasks_of
from easyhard.signals.fair import FIT, SELECT, FairTokens, argmax_wrong, read_fair_tokens, stored_signals
from easyhard.signals.store import read_columns as read_signals

Column = NDArray[Any]

LEAST_SPREAD = 1e-3
"""Of a label that nearly all fit tokens share: it must not outweigh the loss."""


def load_probe_data(
    activations: Sequence[str | Path],
    tokens: str | Path,
    head: str | Path,
    context: str | Path,
    *,
    easy_threshold: float,
    label_share: float,
    at_most: int,
    seed: int,
    device: torch.device,
) -> tuple[ProbeData, FairTokens]:
    """Hidden states, context columns and tasks on `device`, and all tokens of the protocol.

    activations: the shards of the protocol fair; tokens: fair/tokens.parquet; head and context: the signals of the
    logits and of earlier tokens. `easy_threshold` is in nats, `label_share` as `tasks_of` takes it. Probes are fitted
    on whole documents of the fit part, drawn by `seed`, with about `at_most` tokens, and stopped by as many of the
    select part; only states of these are held in memory. Raises InputError naming the file that is damaged or of
    another length.
    """
    rows = read_fair_tokens(tokens)
    signals = {signal.name: signal for signal in stored_signals([str(head)])}
    wrong = argmax_wrong(tokens, signals.values(), len(rows))
    tail = signals.get(f"tail_mass_{easy_threshold:g}")

    def tensor(column: Column) -> torch.Tensor:
        return torch.tensor(column, dtype=torch.float32, device=device)

    fit_loss = rows.loss[rows.rows(FIT)].astype(np.float64)
    tasks = tasks_of(
        tensor(rows.loss),
        easy_threshold=easy_threshold,
        label_share=label_share,
        label_worth=float(fit_loss.std() / max((fit_loss > easy_threshold).std(), LEAST_SPREAD)),
        entropy=tensor(signals["entropy"].read(len(rows))[0]),
        tail_mass=None if tail is None else tensor(tail.read(len(rows))[0]),
        correct=None if wrong is None else tensor(~wrong),
    )
    fit, select = (whole_documents(rows.document, rows.rows(part), at_most, seed) for part in (FIT, SELECT))
    kept = np.union1d(fit, select)
    columns = read_signals(context, rows=len(rows))

    def states() -> Iterator[torch.Tensor]:
        for batch in prefetch(read_batches(activations, ["hidden"])):
            yield torch.tensor(batch["hidden"], device=device)

    data = ProbeData(
        hidden=_states(activations, np.isin(np.arange(len(rows)), kept), device),
        kept=kept,
        states=states,
        context={name: tensor(column) for name, column in columns.items()},
        tasks=tasks,
        documents=rows.document,
        fit=fit,
        select=select,
    )
    return data, rows


def _states(activations: Sequence[str | Path], wanted: NDArray[np.bool_], device: torch.device) -> torch.Tensor:
    """The hidden states of the tokens that are wanted, in a tensor of their own, which memory holds once."""
    whole, row = torch.empty(0, 0, device=device), 0
    for batch in prefetch(read_where(activations, ["hidden"], wanted)):
        part = torch.tensor(batch["hidden"], device=device)
        if not len(whole):
            whole = part.new_empty(int(wanted.sum()), part.shape[1])
        whole[row : (row := row + len(part))] = part
    return whole
