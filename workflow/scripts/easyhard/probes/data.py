"""What the probes of parted documents read and learn, and how it comes from the files of a run."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from easyhard.activations.prefetch import prefetch
from easyhard.activations.store import read_batches, read_where
from easyhard.errors import InputError
from easyhard.probes.documents import Rows, whole_documents
from easyhard.probes.tasks import Task, tasks_of
from easyhard.signals.catalogue import PROBES
from easyhard.signals.store import read_columns
from easyhard.signals.threshold import parting_threshold
from easyhard.signals.tokens import FIT, TokenTable, argmax_wrong, read_tokens, stored_signals

LEAST_SPREAD = 1e-3  # of a label that nearly all fit tokens share: it must not outweigh the loss


@dataclass(frozen=True)
class ProbeData:
    """What probes read and learn. Row numbers are of all tokens, ascending.

    hidden (kept rows, dim) of any float type are the states of the rows `kept`, among which those to fit on and to
    select by must be; `states()` streams those of all tokens in their order, (any number, dim) at a time. Tasks, by
    name, are of the kept rows; `context` (tokens, columns) and the document of every token (tokens,) are of all.
    Tensors lie on one device; row numbers and documents are arrays.
    """

    hidden: Tensor
    kept: Rows
    states: Callable[[], Iterator[Tensor]]
    context: Tensor
    tasks: Mapping[str, Task]
    documents: NDArray[np.integer]
    fit: Rows
    select: Rows

    def available_probes(self) -> list[str]:
        """Return the names of the probes that the tasks allow."""
        return [probe for probe, (_, task) in PROBES.items() if task in self.tasks]

    def places(self, rows: Rows) -> Tensor:
        """Return where among the kept rows `rows` are, on the device."""
        return torch.from_numpy(np.searchsorted(self.kept, rows)).to(self.hidden.device)


def load_probe_data(
    files: Mapping[str, Any], settings: Mapping[str, Any], device: torch.device
) -> tuple[ProbeData, TokenTable]:
    """Hidden states, context columns and tasks on `device`, and all tokens of the row set.

    `files` are those of the rule: activations (shards), rows, head and context (the signals of the logits and of
    earlier tokens). `settings` has seed, main_threshold (nats) and fair_probes. Probes are fitted on whole documents of
    the fit part, drawn by the seed, with about `tokens` tokens, and stopped by as many of the select part; only states
    of these are held in memory. Raises InputError naming the file that is damaged or of another length, or a column
    with a value that is not finite.
    """
    activations = files["activations"]
    rows = read_tokens(files["rows"])
    fit, select = whole_documents(rows, settings["fair_probes"]["tokens"], settings["seed"])
    kept = np.union1d(fit, select)
    wanted = np.isin(np.arange(len(rows)), kept)

    def states() -> Iterator[Tensor]:
        for batch in prefetch(read_batches(activations, ["hidden"])):
            yield torch.tensor(batch["hidden"], device=device)

    hidden, row = torch.empty(0, 0, device=device), 0
    for batch in prefetch(read_where(activations, ["hidden"], wanted)):
        part = torch.tensor(batch["hidden"], device=device)
        if not len(hidden):
            hidden = part.new_empty(len(kept), part.shape[1])
        hidden[row : (row := row + len(part))] = part
    context = _on_device(read_columns(files["context"], rows=len(rows)), device)
    data = ProbeData(
        hidden=hidden,
        kept=kept,
        states=states,
        context=torch.stack(list(context.values()), 1),
        tasks=_tasks(files, rows, kept, settings, device),
        documents=rows.document,
        fit=fit,
        select=select,
    )
    return data, rows


def _tasks(
    files: Mapping[str, Any], rows: TokenTable, kept: Rows, settings: Mapping[str, Any], device: torch.device
) -> dict[str, Task]:
    easy_threshold = parting_threshold(rows, settings["main_threshold"])
    signals = {signal.name: signal for signal in stored_signals([files["head"]])}
    columns = {"loss": rows.loss, "entropy": signals["entropy"].read(len(rows))[0]}
    if f"tail_mass_{easy_threshold:g}" in signals:
        columns["tail_mass"] = signals[f"tail_mass_{easy_threshold:g}"].read(len(rows))[0]
    wrong = argmax_wrong(files["rows"], signals.values(), len(rows))
    if wrong is not None:
        columns["correct"] = ~wrong
    fit_loss = rows.loss[rows.rows(FIT)].astype(np.float64)
    return tasks_of(
        **_on_device({name: column[kept] for name, column in columns.items()}, device),
        easy_threshold=easy_threshold,
        label_share=settings["fair_probes"]["label_share"],
        label_worth=float(fit_loss.std() / max((fit_loss > easy_threshold).std(), LEAST_SPREAD)),
    )


def _on_device(columns: Mapping[str, NDArray[Any]], device: torch.device) -> dict[str, Tensor]:
    for name, column in columns.items():
        bad = int((~np.isfinite(column)).sum())
        if bad:
            raise InputError(f"{name}: {bad} of {len(column)} values are not finite; finite numbers are wanted")
    return {name: torch.tensor(column, dtype=torch.float32, device=device) for name, column in columns.items()}
