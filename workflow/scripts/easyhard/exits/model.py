"""The model of a run and the windows of its documents, or states brought along, ready to be read at several exits."""

from collections.abc import Callable, Collection, Iterator, Mapping
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from easyhard.activations.layered import Layered, Mask, Rows, States, batches, layered_lego
from easyhard.atomic import read_json
from easyhard.huggingface.dump import text_windows
from easyhard.huggingface.folder import find_model
from easyhard.huggingface.layers import layered
from easyhard.huggingface.model import load_model, output_head
from easyhard.imports.activations import open_activations
from easyhard.imports.exits import layered_activations
from easyhard.model.lego import Lego
from easyhard.model.store import load_weights
from easyhard.progress import Progress
from easyhard.protocols import DOCUMENTS
from easyhard.signals.parts import WHOLE
from easyhard.signals.store import column_names, read_columns
from easyhard.tokens.store import read_stream
from easyhard.tokens.windows import NO_TOKEN, Windows, row_shards, row_windows, shard_documents, shard_evenly


def open_model(files: Mapping[str, Any], settings: Mapping[str, Any], device: torch.device) -> Layered:
    """The model: that of `weights` among the files, trained here; of `own` the activations that settings.input names;
    else the one that settings.model.path names.

    Raises InputError for a model whose layers can't be told or whose exits have no meaning.
    """
    if "own" in files:
        length = settings["sequences"]["length"]
        activations = open_activations(settings["input"], length=length, exits=settings["chosen"])
        return layered_activations(activations, settings["layer_multiply_adds"], device)
    own = settings["model"]
    if "weights" not in files:
        model = load_model(find_model(own["path"], own["revision"]), own["dtype"], device)
        return layered(model, output_head(model))
    lego = Lego(read_json(files["summary"])["vocabulary_size"], **own, seed=0)
    load_weights(lego, files["weights"])
    return layered_lego(lego.to(device))


def document_windows(files: Mapping[str, Any], settings: Mapping[str, Any]) -> list[Windows]:
    """The windows of all validation and test documents, in the shards that activations are written in."""
    streams, shards = {split: read_stream(files[split]) for split in ("validation", "test")}, settings["shards"]
    if "weights" not in files:
        windows = text_windows(
            list(streams.values()), settings["model"], read_json(files["summary"]), settings["tokens"]
        )
        return [windows[part] for part in shard_evenly(len(windows), shards)]
    windows = row_windows(DOCUMENTS, streams, settings["sequences"], settings["tokens"])
    return [windows[part] for part in row_shards(DOCUMENTS, windows, shards)]


def read_documents(
    files: Mapping[str, Any],
    settings: Mapping[str, Any],
    model: Layered,
    layers: Collection[int],
    label: str,
    *,
    shard: int | None = None,
    rows: Rows | None = None,
    left_out: int | None = None,
) -> Iterator[tuple[States, NDArray[np.int32], Rows]]:
    """Raw states of these layers, targets and row numbers among all rows, batch by batch in the order of the rows.

    Of one shard, or all; of `rows`, ascending numbers, or all; without layer `left_out`. `label` names the work.
    """
    if model.brought:
        yield from _read_brought(files["rows"], settings["shards"], model.brought, layers, label, shard, rows)
        return
    for windows, wanted, found in document_batches(files, settings, label, shard=shard, rows=rows):
        yield model.states(windows, wanted, layers, left_out), windows.targets[wanted], found


def document_batches(
    files: Mapping[str, Any],
    settings: Mapping[str, Any],
    label: str,
    *,
    shard: int | None = None,
    rows: Rows | None = None,
) -> Iterator[tuple[Windows, Mask, Rows]]:
    """The windows that `read_documents` runs, which of their rows are wanted, and these rows' numbers."""
    first = 0
    for number, windows in enumerate(document_windows(files, settings)):
        end = first + int((windows.targets != NO_TOKEN).sum())
        if shard in (None, number):
            own = None if rows is None else rows[(rows >= first) & (rows < end)] - first
            progress = Progress(f"{label}, shard {number}", len(windows), "windows")
            for batch, wanted, found in batches(windows, batch_size=settings["batch"], progress=progress, rows=own):
                yield batch, wanted, found + first
        first = end


def _read_brought(
    table: str,
    shards: int,
    brought: Callable[[int, int], Iterator[States]],
    layers: Collection[int],
    label: str,
    shard: int | None,
    rows: NDArray[np.int64] | None,
) -> Iterator[tuple[States, NDArray[np.int32], NDArray[np.int64]]]:
    """The same of states that lie in files in the order of `table`, rows/documents.parquet."""
    of_shards = WHOLE if WHOLE in column_names(table) else "document"
    known = read_columns(table, [of_shards, "target"])
    for number, part in enumerate(shard_documents(known[of_shards], shards)):
        if shard not in (None, number):
            continue
        first, progress = part.start, Progress(f"{label}, shard {number}", part.stop - part.start, "tokens")
        for states in brought(part.start, part.stop):
            found = np.arange(first, first := first + len(next(iter(states.values()))))
            kept = found if rows is None else np.intersect1d(found, rows)
            if len(kept):
                yield {layer: states[layer][kept - found[0]] for layer in layers}, known["target"][kept], kept
            progress.update(first - part.start)
