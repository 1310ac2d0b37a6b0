"""Quantised models: what transformers needs to read each kind, told before it is tried."""

import json
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Final

from easyhard.errors import InputError


@dataclass(frozen=True)
class Method:
    """The packages that reading a kind of quantised weights takes, as pip calls them, and whether it takes a GPU."""

    packages: tuple[str, ...]
    gpu: bool = False


METHODS: Final = {  # by config.json's quant_method
    "gptq": Method(("gptqmodel", "optimum")),
    "awq": Method(("gptqmodel", "accelerate")),
    "bitsandbytes": Method(("bitsandbytes", "accelerate")),
    "compressed-tensors": Method(("compressed-tensors",)),
    "fp8": Method(("accelerate",)),
    "mxfp8": Method(("accelerate",)),
    "mxfp4": Method(("accelerate", "kernels")),
    "hqq": Method(("hqq",)),
    "torchao": Method(("torchao",)),
    "quanto": Method(("optimum-quanto", "accelerate")),
    "quark": Method(("amd-quark",)),
    "auto-round": Method(("auto-round",)),
    "aqlm": Method(("aqlm", "accelerate")),
    "bitnet": Method(("accelerate",)),
    "eetq": Method(("kernels", "accelerate"), gpu=True),
    "fbgemm_fp8": Method(("fbgemm-gpu", "accelerate"), gpu=True),
    "fp_quant": Method(("fp-quant", "qutlass"), gpu=True),
    "higgs": Method(("flute-kernel", "accelerate"), gpu=True),
    "spqr": Method(("spqr_quant", "accelerate"), gpu=True),
    "vptq": Method(("vptq", "accelerate"), gpu=True),
}
MODULES: Final = {
    "optimum-quanto": "optimum",
    "amd-quark": "quark",
    "flute-kernel": "flute",
    "fbgemm-gpu": "fbgemm_gpu",
}
BITSANDBYTES: Final = ("load_in_4bit", "load_in_8bit", "bitsandbytes_4bit", "bitsandbytes_8bit")


def method_of(folder: Path) -> str | None:
    """How a model's weights were quantised, as its config.json says; None where they were not."""
    try:
        config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    said = config.get("quantization_config") or config.get("text_config", {}).get("quantization_config")
    if not said:
        return "mlx" if config.get("quantization") else None
    method = said.get("quant_method") or ("bitsandbytes" if any(map(said.get, BITSANDBYTES)) else "unknown")
    return "bitsandbytes" if method in BITSANDBYTES else str(method)


def check_quantised(folder: Path) -> None:
    """Raise InputError naming the folder of a quantised model, and what is to be installed, where packages that read it
    are missing or not known."""
    name = method_of(folder)
    if name is None:
        return
    method = METHODS.get(name)
    if method is None:
        raise InputError(
            f"model.path: {folder} is quantised ({name}), and how to read that is not known; the model before that, or "
            f"quantised by one of {', '.join(METHODS)}, is wanted"
        )
    missing = [package for package in method.packages if find_spec(_module(package)) is None]
    if missing:
        gpu = " and a GPU" if method.gpu else ""
        raise InputError(
            f"model.path: {folder} is quantised ({name}); pip install {' '.join(missing)}{gpu}, or the model before "
            "that, is wanted"
        )


def check_gpu(folder: Path, device: str) -> None:
    """Raise InputError naming the folder of a quantised model that is run on a GPU alone, where `device` is another."""
    method = METHODS.get(method_of(folder) or "")
    if method is not None and method.gpu and device != "cuda":
        raise InputError(
            f"model.path: {folder} is quantised ({method_of(folder)}), which is run on a GPU alone; one, granted by "
            "--resources gpu=1, or the model before that, is wanted"
        )


def _module(package: str) -> str:
    return MODULES.get(package, package.replace("-", "_"))
