"""A trained model on disk as safetensors: weights and head."""

import json
from collections.abc import Mapping
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor

from easyhard.atomic import atomic_path
from easyhard.errors import InputError
from easyhard.model.lego import Lego


def write_tensors(path: str | Path, tensors: Mapping[str, Tensor], metadata: Mapping[str, str]) -> None:
    """Write named tensors as safetensors, whole or not at all; the same tensors and metadata give the same bytes."""
    plain = {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
    one_entry = {"easyhard": json.dumps(metadata, sort_keys=True)}  # the format keeps no order among several
    with atomic_path(path) as temporary:
        save_file(plain, temporary, one_entry)


def read_tensors(path: str | Path) -> dict[str, Tensor]:
    """Read safetensors. Raises InputError naming the file when it is damaged or something else."""
    try:
        return load_file(path)
    except (SafetensorError, OSError) as error:
        raise InputError(f"{path}: not a readable safetensors file ({error}); delete it and rerun") from error


def read_head(path: str | Path) -> Tensor:
    """The output head (V, d) float32. Raises InputError when it is missing or holds a number that is not finite."""
    head = read_tensors(path).get("head")
    if head is None or head.ndim != 2:
        raise InputError(f"{path}: has no matrix 'head'; wanted: the output head, words × dim")
    if not torch.isfinite(head).all():
        raise InputError(f"{path}: head is not finite; wanted: finite numbers only")
    return head


def write_head(path: str | Path, head: Tensor, softcap: float | None, metadata: Mapping[str, str]) -> None:
    """Write an output head (V, d) with logits h·w, or softcap tanh(h·w / softcap), for `read_head` and `read_softcap`.

    A bias is its last column, which meets a last coordinate 1 of each state.
    """
    cap = {} if softcap is None else {"softcap": torch.tensor(softcap, dtype=torch.float64)}
    write_tensors(path, {"head": head, **cap}, metadata)


def read_softcap(path: str | Path) -> float | None:
    """The soft cap of the logits of the head in `path`, or None. Raises InputError when it is no positive number."""
    cap = read_tensors(path).get("softcap")
    if cap is None:
        return None
    if cap.numel() != 1 or not 0 < float(cap) < float("inf"):
        raise InputError(f"{path}: softcap is {cap.tolist()}; wanted: a positive number")
    return float(cap)


def load_weights(model: Lego, path: str | Path) -> None:
    """Put the weights of a file into `model`. Raises InputError when they are of another model."""
    try:
        model.load_state_dict(read_tensors(path))
    except RuntimeError as error:
        raise InputError(f"{path}: weights of another model than the settings say; delete it and rerun") from error
