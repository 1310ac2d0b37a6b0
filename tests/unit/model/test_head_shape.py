"""A head's sizes are known without reading it; a file without one is named."""

from pathlib import Path

import pytest
import torch

from easyhard.errors import InputError
from easyhard.model.head_shape import head_shape
from easyhard.model.store import write_head, write_tensors


def test_sizes_are_those_of_the_matrix(tmp_path: Path) -> None:
    write_head(tmp_path / "head.safetensors", torch.zeros(7, 3), None, {})
    assert head_shape(tmp_path / "head.safetensors") == (7, 3)


def test_what_is_no_head_is_named(tmp_path: Path) -> None:
    path = tmp_path / "head.safetensors"
    with pytest.raises(InputError, match=r"head\.safetensors: has no output head"):
        head_shape(path)
    write_tensors(path, {"head": torch.zeros(4)}, {})
    with pytest.raises(InputError, match="words × dim"):
        head_shape(path)
    write_tensors(path, {"other": torch.zeros(4, 2)}, {})
    with pytest.raises(InputError, match="has no output head"):
        head_shape(path)
    path.write_bytes(path.read_bytes()[:20])
    with pytest.raises(InputError, match="has no output head"):
        head_shape(path)
