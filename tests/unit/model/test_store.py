"""Heads on disk: the matrix, and the soft cap where there is one."""

from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from easyhard.errors import InputError
from easyhard.model.store import read_head, read_softcap, write_head, write_tensors

HEAD = torch.arange(12.0).reshape(4, 3)


@pytest.mark.parametrize("softcap", [None, 30.0, 0.1])
def test_what_was_written_is_read(tmp_path: Path, softcap: float | None) -> None:
    write_head(tmp_path / "head.safetensors", HEAD, softcap, {"run": "a"})
    assert torch.equal(read_head(tmp_path / "head.safetensors"), HEAD)
    assert read_softcap(tmp_path / "head.safetensors") == softcap


def test_heads_without_a_cap_have_the_bytes_of_old(tmp_path: Path) -> None:
    write_head(tmp_path / "new", HEAD, None, {"run": "a"})
    write_tensors(tmp_path / "old", {"head": HEAD}, {"run": "a"})
    assert (tmp_path / "new").read_bytes() == (tmp_path / "old").read_bytes()


CAPS = [[0.0], [-3.0], [float("nan")], [float("inf")], [1.0, 2.0]]


@pytest.mark.parametrize(
    ("tensors", "read", "message"),
    [
        *(({"head": HEAD, "softcap": torch.tensor(cap)}, read_softcap, r"softcap is .*positive") for cap in CAPS),
        ({"weights": HEAD}, read_head, "has no matrix 'head'"),
        ({"head": HEAD / HEAD}, read_head, "head is not finite"),  # 0 / 0
        ({"head": 1 / HEAD}, read_head, "head is not finite"),
    ],
)
def test_what_is_no_head_or_cap_is_named(
    tensors: dict[str, torch.Tensor], read: Callable[[Path], object], message: str, tmp_path: Path
) -> None:
    write_tensors(tmp_path / "bad", tensors, {})
    with pytest.raises(InputError, match=f"bad: {message}"):
        read(tmp_path / "bad")
