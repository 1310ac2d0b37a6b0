"""The head and what it sees, of several architectures, against the model's own logits."""

import dataclasses
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from unittest.mock import Mock

import pytest
import torch
from safetensors.torch import load_file, save_file

from easyhard.errors import InputError
from easyhard.huggingface.model import CausalModel, check_head, load_model, output_head, wanted_device
from tiny_models import CONFIGS, CONTEXT, DIM, WORDS

CPU = torch.device("cpu")
Folders = Callable[[str], Path]


def words(windows: int = 3, length: int = 40) -> torch.Tensor:
    return torch.randint(WORDS, (windows, length), generator=torch.Generator().manual_seed(1))


def with_config(folder: Path, target: Path, **changes: object) -> Path:
    """A copy of a model with its configuration changed."""
    shutil.copytree(folder, target)
    config = json.loads((target / "config.json").read_text())
    (target / "config.json").write_text(json.dumps(config | changes))
    return target


@pytest.mark.parametrize("name", CONFIGS)
def test_logits_of_the_head_are_the_models_own(model_folder: Folders, name: str) -> None:
    model = load_model(model_folder(name), "float32", CPU)
    head = output_head(model)
    assert head.weight.shape == (WORDS, DIM)
    assert head.matrix.shape == (WORDS, DIM + (name == "phi"))  # which has a bias
    assert head.softcap == (6.0 if name == "gemma2" else None)
    assert model.longest == CONTEXT
    hidden, last = model.run(words())
    with torch.no_grad():
        own = model.network(input_ids=words()).logits
    assert hidden.shape == (3, 40, DIM)
    assert torch.allclose(last[:, 0], own[:, -1], atol=1e-5)
    assert torch.allclose(head.logits(hidden.flatten(0, 1)), own.flatten(0, 1), atol=2e-5)
    assert check_head(model, head) < 1e-4


@pytest.mark.parametrize("dtype", ["bfloat16", "float16"])
@pytest.mark.parametrize("name", ["llama", "gemma2"])
def test_halves_are_multiplied_in_float32(model_folder: Folders, name: str, dtype: str) -> None:
    model = load_model(model_folder(name), dtype, CPU)
    head = output_head(model)
    hidden, own = model.run(words(), last=40)
    assert hidden.dtype == getattr(torch, dtype)
    assert head.weight.dtype == head.states(hidden).dtype == torch.float32
    ours = head.logits(hidden.flatten(0, 1))
    assert torch.allclose(ours, own.flatten(0, 1).float(), atol=4 * torch.finfo(hidden.dtype).eps * float(own.max()))
    with torch.no_grad():  # the same states through the model's own head, in float32
        exact = model.network.get_output_embeddings().float()(hidden.float()).flatten(0, 1)
    exact = exact if head.softcap is None else head.softcap * (exact / head.softcap).tanh()
    assert torch.allclose(ours, exact, atol=1e-5)
    check_head(load_model(model_folder(name), dtype, CPU), head)


@pytest.mark.parametrize(("name", "forgotten"), [("gemma2", {"softcap": 30.0}), ("phi", {"bias": None})])
def test_a_head_that_does_not_make_the_logits_is_refused(
    model_folder: Folders, name: str, forgotten: dict[str, float | None]
) -> None:
    model = load_model(model_folder(name), "float32", CPU)
    wrong = dataclasses.replace(output_head(model), **forgotten)
    with pytest.raises(InputError, match=rf"{name} \(.*ForCausalLM\) makes other logits.*apart"):
        check_head(model, wrong)


def test_a_factor_that_nobody_names_is_refused(model_folder: Folders) -> None:
    model = load_model(model_folder("granite"), "float32", CPU)
    model.network.get_output_embeddings().register_forward_hook(lambda _module, _inputs, logits: logits / 2)
    with pytest.raises(InputError, match="makes other logits"):
        check_head(model, output_head(model))


def test_folders_that_cannot_be_read_are_named(model_folder: Folders, tmp_path: Path) -> None:
    folder = with_config(model_folder("llama"), tmp_path / "lacking")
    weights = load_file(folder / "model.safetensors")
    del weights["lm_head.weight"]
    save_file(weights, folder / "model.safetensors", {"format": "pt"})
    with pytest.raises(InputError, match=r"lacks 1 weights of a LlamaForCausalLM, the first lm_head\.weight"):
        load_model(folder, "float32", CPU)
    (folder / "model.safetensors").write_bytes(b"no")
    with pytest.raises(InputError, match=r"model\.path: .*lacking cannot be read"):
        load_model(folder, "float32", CPU)


def test_code_that_comes_with_a_model_is_not_run(model_folder: Folders, tmp_path: Path) -> None:
    auto_map = {"AutoConfig": "evil.Config", "AutoModelForCausalLM": "evil.Model"}
    folder = with_config(model_folder("llama"), tmp_path / "evil", model_type="evil", auto_map=auto_map)
    (folder / "evil.py").write_text(f"open({str(tmp_path / 'ran')!r}, 'w')")
    with pytest.raises(InputError, match="evil cannot be read"):
        load_model(folder, "float32", CPU)
    assert not (tmp_path / "ran").exists()


def test_a_network_without_a_head_is_named() -> None:
    with pytest.raises(InputError, match="bare names no output embedding"):
        output_head(CausalModel(Mock(**{"get_output_embeddings.return_value": None}), "bare"))


def test_cuda_is_taken_where_it_is_granted_and_there(monkeypatch: pytest.MonkeyPatch) -> None:
    assert wanted_device("auto", 2, 1).type == ("cuda" if torch.cuda.is_available() else "cpu")
    assert wanted_device("cpu", 2, 1).type == wanted_device("auto", 2, 0).type == "cpu"
    with pytest.raises(InputError, match=r"model\.device: cuda, and --resources gpu=0"):
        wanted_device("cuda", 2, 0)
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    with pytest.raises(InputError, match=r"model\.device: cuda, and no CUDA device is found"):
        wanted_device("cuda", 2, 1)
