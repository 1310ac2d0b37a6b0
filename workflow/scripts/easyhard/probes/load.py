"""What the probes of the protocol fair read, from the files of a run."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from easyhard.activations.store import read_columns
from easyhard.probes.fair import ProbeData
from easyhard.probes.tasks import tasks_of
from easyhard.signals.fair import FIT, SELECT, TEST, argmax_wrong, read_fair_tokens, stored_signals
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
    device: torch.device,
) -> tuple[ProbeData, NDArray[np.int64]]:
    """Hidden states, context columns and tasks on `device`, and the row numbers of the test tokens.

    activations: the shards of the protocol fair; tokens: fair/tokens.parquet; head and context: the signals of the
    logits and of earlier tokens. `easy_threshold` is in nats, `label_share` as `tasks_of` takes it. Raises InputError
    naming the file that is damaged or of another length.
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
    columns = read_signals(context, rows=len(rows))
    data = ProbeData(
        hidden=torch.from_numpy(read_columns(activations, ["hidden"])["hidden"]).to(device),
        context={name: tensor(column) for name, column in columns.items()},
        tasks=tasks,
        documents=rows.document,
        fit=rows.rows(FIT),
        select=rows.rows(SELECT),
    )
    return data, rows.rows(TEST)
