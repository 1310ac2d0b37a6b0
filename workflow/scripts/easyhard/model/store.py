"""A trained model on disk as safetensors: weights and head."""

import hashlib
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from easyhard.atomic import atomic_path
from easyhard.errors import InputError
from easyhard.model.lego import Lego

ENTRY = "easyhard"


def write_tensors(path: str | Path, tensors: Mapping[str, Tensor], metadata: Mapping[str, str]) -> None:
    """Write named tensors as safetensors, whole or not at all; the same tensors and metadata give the same bytes.

    A checksum over the tensors joins the metadata, for the format has none. Raises InputError naming `path` when it
    cannot be written.
    """
    plain = {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
    # The format keeps no order among several entries
    one_entry = {ENTRY: json.dumps({**metadata, "sha256": _sha256(plain)}, sort_keys=True)}
    with atomic_path(path) as temporary:
        try:
            save_file(plain, temporary, one_entry)
        except SafetensorError as error:
            raise OSError(str(error)) from error


def read_tensors(path: str | Path) -> dict[str, Tensor]:
    """Read what `write_tensors` wrote. Raises InputError naming a file that is damaged, changed or something else."""
    with _open(path) as file:
        held = json.loads((file.metadata() or {}).get(ENTRY, "{}"))
        tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - the file is no dictionary
    if held.get("sha256") != _sha256(tensors):
        raise InputError(f"{path}: the tensors are not as they were written (sha256 differs); delete it and rerun")
    return tensors


@contextmanager
def _open(path: str | Path) -> Iterator[Any]:
    try:
        with safe_open(path, framework="pt") as file:
            yield file
    except (SafetensorError, OSError, ValueError) as error:
        raise InputError(f"{path}: not a readable safetensors file ({error}); delete it and rerun") from error


def _sha256(tensors: Mapping[str, Tensor]) -> str:
    """Over names, types, shapes and numbers."""
    digest = hashlib.sha256()
    for name in sorted(tensors):
        tensor = tensors[name]
        digest.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}\0".encode())
        digest.update(tensor.reshape(-1).view(torch.uint8).numpy().data)
    return digest.hexdigest()


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
    with _open(path) as file:
        if "softcap" not in file.keys():  # noqa: SIM118 - the file is no dictionary
            return None
        cap = file.get_tensor("softcap")
    if cap.numel() != 1 or not 0 < float(cap) < float("inf"):
        raise InputError(f"{path}: softcap is {cap.tolist()}; wanted: a positive number")
    return float(cap)


def load_weights(model: Lego, path: str | Path) -> None:
    """Put the weights of a file into `model`. Raises InputError when they are of another model."""
    try:
        model.load_state_dict(read_tensors(path))
    except RuntimeError as error:
        raise InputError(f"{path}: weights of another model than the settings say; delete it and rerun") from error
