"""Heads on disk: the matrix, and the soft cap where there is one."""

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


@pytest.mark.parametrize("softcap", [[0.0], [-3.0], [float("nan")], [float("inf")], [1.0, 2.0]])
def test_a_wrong_cap_is_named(tmp_path: Path, softcap: list[float]) -> None:
    write_tensors(tmp_path / "bad", {"head": HEAD, "softcap": torch.tensor(softcap)}, {})
    with pytest.raises(InputError, match=r"bad: softcap is .*positive"):
        read_softcap(tmp_path / "bad")


def test_what_is_no_head_is_named(tmp_path: Path) -> None:
    (tmp_path / "broken").write_bytes(b"no")
    with pytest.raises(InputError, match="broken: not a readable safetensors file"):
        read_softcap(tmp_path / "broken")
    write_tensors(tmp_path / "other", {"weights": HEAD}, {})
    with pytest.raises(InputError, match="other: has no matrix 'head'"):
        read_head(tmp_path / "other")


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_a_head_that_is_not_finite_is_named(tmp_path: Path, value: float) -> None:
    head = HEAD.clone()
    head[2, 1] = value
    write_head(tmp_path / "bad", head, None, {})
    with pytest.raises(InputError, match="bad: head is not finite"):
        read_head(tmp_path / "bad")
