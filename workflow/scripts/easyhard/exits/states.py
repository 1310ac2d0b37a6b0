"""States of the rows that probes at exits are fitted on, in Parquet: a column a layer, written and read in a stream."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pyarrow as pa
import torch
from numpy.typing import NDArray
from torch import Tensor

from easyhard.activations.layered import States
from easyhard.errors import InputError
from easyhard.parquet import parquet_writer, read_parquet
from easyhard.signals.store import Paths, shard_files

TYPES = {"float16": (torch.float16, pa.float16()), "float32": (torch.float32, pa.float32())}
ROW = "row"

Write = Callable[[NDArray[np.int64], Mapping[int, Tensor]], None]


@contextmanager
def open_states(
    path: str | Path, layers: Sequence[int], dim: int, kind: str, metadata: Mapping[str, str]
) -> Iterator[Write]:
    """A function that appends row numbers (rows,) and the states of each layer (rows, dim), as `kind` of TYPES.

    Raises InputError naming the layer when a state is not finite, or too large for the type.
    """
    torch_type, arrow_type = TYPES[kind]
    columns = {ROW: pa.int64()} | {str(layer): pa.list_(arrow_type, dim) for layer in layers}
    with parquet_writer(path, pa.schema(list(columns.items()), metadata=dict(metadata))) as writer:

        def write(rows: NDArray[np.int64], states: Mapping[int, Tensor]) -> None:
            arrays = [pa.array(rows)]
            for layer in layers:
                values = states[layer].to(torch_type).cpu()
                if not bool(values.isfinite().all()):
                    raise InputError(
                        f"{path}: states of layer {layer} are not finite as {kind}; finite ones, or exits.states: "
                        "float32, are wanted"
                    )
                arrays.append(pa.FixedSizeListArray.from_arrays(pa.array(values.numpy().ravel()), dim))
            writer.write_table(pa.table(arrays, names=list(columns)).cast(pa.schema(list(columns.items()))))

        yield write


def read_states(paths: Paths) -> tuple[NDArray[np.int64], States]:
    """Row numbers (rows,) and the states of each layer (rows, dim) float32, all shards one after another.

    Raises InputError naming a damaged file.
    """
    rows: list[NDArray[np.int64]] = []
    states: dict[int, list[Tensor]] = {}
    for path in shard_files(paths):
        table = read_parquet(path).combine_chunks()
        rows.append(table.column(ROW).to_numpy())
        for name in table.column_names[1:]:
            column = table.column(name)
            flat = [chunk.flatten().to_numpy() for chunk in column.chunks] or [np.empty(0, np.float32)]
            values = torch.from_numpy(np.concatenate(flat).astype(np.float32))
            states.setdefault(int(name), []).append(values.view(len(table), column.type.list_size))
    return np.concatenate(rows), {layer: torch.cat(parts) for layer, parts in states.items()}
