"""Adapters are merged into their base, quantised models say what reading them takes: what cannot be had is named."""

import json
import shutil
import types
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

from easyhard.errors import InputError
from easyhard.huggingface import adapter as adapters
from easyhard.huggingface import quantised
from easyhard.huggingface.adapter import model_folders
from easyhard.huggingface.folder import find_model
from easyhard.huggingface.model import check_head, load_model, output_head
from easyhard.huggingface.quantised import METHODS, check_gpu, method_of
from easyhard.huggingface.tokenizer import load_tokenizer

Folders = Callable[[str], Path]
CPU = torch.device("cpu")
PLACE = "model.layers.1.mlp.down_proj"
SETTINGS = {"peft_type": "LORA", "r": 2, "lora_alpha": 6, "target_modules": ["down_proj"], "layers_to_transform": [1]}
SETTINGS["task_type"] = "CAUSAL_LM"


def make_adapter(folder: Path, base: str) -> Path:
    folder.mkdir()
    draw = torch.Generator().manual_seed(0)
    shapes = {"lora_A": (2, 64), "lora_B": (32, 2)}
    names = {
        f"base_model.model.{PLACE}.{part}.weight": torch.randn(shape, generator=draw) for part, shape in shapes.items()
    }
    save_file(names, folder / "adapter_model.safetensors")
    (folder / "adapter_config.json").write_text(
        json.dumps(SETTINGS | {"base_model_name_or_path": base, "task_type": "CAUSAL_LM"})
    )
    return folder


class Merging:
    """What of the library peft is called, for LoRA on one place alone."""

    def __init__(self, network: Any, folder: str) -> None:
        self.network, self.folder = network, folder

    @classmethod
    def from_pretrained(cls, network: Any, folder: str) -> "Merging":
        return cls(network, folder)

    @torch.no_grad()
    def merge_and_unload(self) -> Any:
        parts = load_file(f"{self.folder}/adapter_model.safetensors")
        a, b = (parts[f"base_model.model.{PLACE}.lora_{part}.weight"] for part in "AB")
        self.network.get_submodule(PLACE).weight += 3 * b @ a  # lora_alpha / r
        return self.network


@pytest.fixture
def peft(monkeypatch: pytest.MonkeyPatch) -> None:
    """The library itself where it is installed; else what it does, in few words."""
    if find_spec("peft") is None:
        monkeypatch.setattr(adapters, "import_module", lambda name: types.SimpleNamespace(PeftModel=Merging))
        monkeypatch.setattr(adapters, "find_spec", lambda name: object())


@pytest.mark.usefixtures("peft")
def test_an_adapter_is_merged_into_its_base(model_folder: Folders, tmp_path: Path) -> None:
    base = model_folder("llama")
    folder = make_adapter(tmp_path / "lora", str(base))
    assert find_model(str(folder)) == folder
    assert model_folders(str(folder)) == [folder, base]
    plain, model = load_model(base, "float32", CPU), load_model(folder, "float32", CPU)
    parts = load_file(folder / "adapter_model.safetensors")
    a, b = (parts[f"base_model.model.{PLACE}.lora_{part}.weight"] for part in "AB")
    ours, theirs = (own.network.get_submodule(PLACE).weight for own in (model, plain))
    torch.testing.assert_close(ours - theirs, 3 * b @ a, rtol=1e-4, atol=1e-4)
    check_head(model, output_head(model))
    assert load_tokenizer(folder)("one")["input_ids"] == load_tokenizer(base)("one")["input_ids"]


def test_an_adapter_alone_names_its_base(
    model_folder: Folders, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = make_adapter(tmp_path / "lora", "someone/base-7b")
    monkeypatch.setattr(adapters, "find_spec", lambda name: None)
    with pytest.raises(InputError, match=r"lora is an adapter of someone/base-7b and no model; .*\(pip install peft\)"):
        find_model(str(folder))
    monkeypatch.setattr(adapters, "find_spec", lambda name: object())
    (folder / "adapter_model.safetensors").rename(folder / "adapter_model.bin")
    with pytest.raises(InputError, match=r"lora is an adapter of someone/base-7b without adapter_model\.safetensors"):
        find_model(str(folder))
    shutil.copy(model_folder("llama") / "model.safetensors", folder)
    with pytest.raises(InputError, match=r"lora holds a whole model and an adapter of someone/base-7b"):
        find_model(str(folder))
    for content in ("{", "{}", "[]"):
        (folder / "adapter_config.json").write_text(content)
        with pytest.raises(InputError, match=r"adapter_config\.json does not say which model it adapts"):
            find_model(str(folder))
        assert model_folders(str(folder)) == [folder]


@pytest.mark.usefixtures("peft")
def test_what_cannot_be_merged_is_named(model_folder: Folders, tmp_path: Path) -> None:
    folder = make_adapter(tmp_path / "lora", str(model_folder("gpt2")))
    with pytest.raises(InputError, match=r"the adapter .*lora cannot be merged into .*gpt2 \(.*LoRA, is wanted"):
        load_model(folder, "float32", CPU)


QUANTISED: dict[str, tuple[dict[str, Any], str]] = {
    **{name: ({"quantization_config": {"quant_method": name}}, name) for name in METHODS},
    "bitsandbytes of old": ({"quantization_config": {"load_in_4bit": True}}, "bitsandbytes"),
    "bitsandbytes by bits": ({"quantization_config": {"quant_method": "bitsandbytes_8bit"}}, "bitsandbytes"),
    "of the text of several": ({"text_config": {"quantization_config": {"quant_method": "awq"}}}, "awq"),
    "of another program": ({"quantization": {"bits": 4, "group_size": 64}}, "mlx"),
    "by nobody knows what": ({"quantization_config": {"bits": 3}}, "unknown"),
    "by what is to come": ({"quantization_config": {"quant_method": "new"}}, "new"),
}


@pytest.mark.parametrize("case", QUANTISED)
def test_what_a_quantised_model_takes_is_said(case: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config, name = QUANTISED[case]
    (tmp_path / "config.json").write_text(json.dumps({"num_hidden_layers": 2} | config))
    save_file({"a": torch.zeros(1)}, tmp_path / "model.safetensors")
    assert method_of(tmp_path) == name
    monkeypatch.setattr(quantised, "find_spec", lambda module: None)
    wanted = rf"pip install {' '.join(METHODS[name].packages)}" if name in METHODS else "how to read that is not known"
    with pytest.raises(InputError, match=rf"{tmp_path} is quantised \({name}\).*{wanted}.* is wanted"):
        find_model(str(tmp_path))
    monkeypatch.setattr(quantised, "find_spec", lambda module: object())
    if name in METHODS:
        assert find_model(str(tmp_path)) == tmp_path
        check_gpu(tmp_path, "cuda")
    if name in METHODS and METHODS[name].gpu:
        with pytest.raises(InputError, match=rf"is quantised \({name}\), which is run on a GPU alone"):
            check_gpu(tmp_path, "cpu")


@pytest.mark.parametrize(
    ("file", "message"),
    [
        ("model.gguf", r"no weights as \*\.safetensors, only model\.gguf, which other programs read"),
        ("pytorch_model.bin", r"only pytorch_model\.bin, which may run code when read"),
        ("tf_model.h5", r"only tf_model\.h5, which other programs read"),
    ],
)
def test_weights_of_other_kinds_are_named(file: str, message: str, tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text("{}")
    (tmp_path / file).write_bytes(b"x")
    with pytest.raises(InputError, match=message):
        find_model(str(tmp_path))
    with pytest.raises(InputError, match=rf"{file} is a file; a folder with config\.json"):
        find_model(str(tmp_path / file))
