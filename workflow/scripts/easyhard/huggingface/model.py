"""A causal language model of any architecture: what its head sees, and what its head does with it."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from easyhard.device import use_device
from easyhard.errors import InputError
from easyhard.hub import first_line
from easyhard.huggingface.adapter import base_of, is_adapter, merged
from easyhard.huggingface.folder import find_model
from easyhard.huggingface.quantised import check_gpu
from easyhard.model_config import longest_window

DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}
SOFTCAPS = ("final_logit_softcapping", "logits_soft_cap", "output_logit_soft_cap")  # as configurations call them
FACTOR, DIVISOR = "logit_scale", "logits_scaling"
CHECKED = (4, 32)  # windows of so many tokens
TOLERANCE = 1e-4  # of the largest logit, between ours and the model's own
ROUNDINGS = 4  # in units of the type's last place, where that is more


@dataclass(frozen=True)
class OutputHead:
    """Logits of a state h: z = h·w + bias, or softcap tanh(z / softcap). weight (words, dim), bias (words,); float32.

    A factor of the logits that the model's configuration names has gone into weight and bias.
    """

    weight: Tensor
    bias: Tensor | None
    softcap: float | None

    @property
    def matrix(self) -> Tensor:
        """(words, dim), or (words, dim + 1) with the bias as its last column, for `states`."""
        return self.weight if self.bias is None else torch.cat([self.weight, self.bias[:, None]], 1)

    def states(self, hidden: Tensor) -> Tensor:
        """hidden (tokens, dim) as float32 for `matrix`: with a bias, each gets a last coordinate 1."""
        return nn.functional.pad(hidden.float(), (0, int(self.bias is not None)), value=1.0)

    def logits(self, hidden: Tensor) -> Tensor:
        """Whole rows of logits of hidden (tokens, dim): for a few tokens."""
        z = self.states(hidden) @ self.matrix.T
        return z if self.softcap is None else self.softcap * (z / self.softcap).tanh()


@dataclass(frozen=True)
class CausalModel:
    """A loaded model, and how errors call it."""

    network: Any
    label: str

    @property
    def longest(self) -> int | None:
        """The tokens that its positions reach; None where there is no limit."""
        return longest_window(self.network.config.get_text_config().to_dict())

    @torch.no_grad()
    def run(self, inputs: Tensor, *, last: int = 1) -> tuple[Tensor, Tensor]:
        """What the head sees (windows, length, dim), and the model's own logits of the last tokens (windows, last, V).

        inputs (windows, length) int64. The head is given its last `last` tokens alone, so no other logits are made.
        Raises InputError when the model does not call the head that it names.
        """
        seen: list[Tensor] = []

        def keep(_module: nn.Module, arguments: tuple[Any, ...]) -> tuple[Any, ...]:
            seen.append(arguments[0])
            return (arguments[0][:, -last:], *arguments[1:])

        handle = _head_module(self).register_forward_pre_hook(keep)
        try:
            everything = torch.ones_like(inputs)  # what fills up a window comes last, where no token of the text looks
            logits = self.network(input_ids=inputs, attention_mask=everything, use_cache=False).logits
        finally:
            handle.remove()
        if len(seen) != 1 or seen[0].shape[:2] != inputs.shape:
            raise InputError(f"model.path: {self.label} does not put each token through its output embedding once")
        return seen[0], logits


def wanted_device(wanted: str, threads: int, gpus: int) -> torch.device:
    """`auto`: a GPU where the scheduler grants one (`gpus`) and there is one, else the CPU; `cpu` and `cuda`: that one.

    Raises InputError when `cuda` is wanted and not to be had.
    """
    device = use_device(threads, 0 if wanted == "cpu" else gpus)
    if wanted == "cuda" and device.type != "cuda":
        reason = "no CUDA device is found" if gpus else "--resources gpu=0 keeps jobs off it"
        raise InputError(f"model.device: cuda, and {reason}; a GPU, or model.device: auto, is wanted")
    return device


def load_model(folder: Path, dtype: str, device: torch.device) -> CausalModel:
    """The model in `folder`, or its base with the adapter there merged into it, its numbers as `dtype`, on `device`.

    Only safetensors are read and no code that comes with the model is run. Raises InputError naming the folder when it
    cannot be read, or when some of its weights are not there.
    """
    from transformers import AutoModelForCausalLM

    adapter, folder = folder, find_model(base_of(folder)) if is_adapter(folder) else folder
    check_gpu(folder, device.type)
    try:
        loaded: Any = AutoModelForCausalLM.from_pretrained(
            folder,
            dtype=DTYPES[dtype],
            local_files_only=True,
            trust_remote_code=False,
            use_safetensors=True,
            output_loading_info=True,
        )
    except Exception as error:  # each architecture raises what its reader raises
        raise InputError(
            f"model.path: {folder} cannot be read as a causal language model ({first_line(error)}); one that "
            "transformers loads from safetensors, without code of its own, is wanted"
        ) from error
    network, report = loaded
    if missing := sorted(report["missing_keys"]):
        raise InputError(
            f"model.path: {folder} lacks {len(missing)} weights of a {type(network).__name__}, the first "
            f"{missing[0]}; all of them are wanted"
        )
    if adapter != folder:
        network, folder = merged(network, adapter), adapter
    return CausalModel(network.to(device).eval().requires_grad_(False), f"{folder} ({type(network).__name__})")


def output_head(model: CausalModel) -> OutputHead:
    """The head of a model, tied to its embedding or not. Raises InputError where it is no matrix."""
    module = _head_module(model)
    weight, bias = getattr(module, "weight", None), getattr(module, "bias", None)
    if not isinstance(weight, Tensor) or weight.dim() != 2 or not weight.is_floating_point():
        raise InputError(f"model.path: {model.label} has no matrix as its output embedding; a linear head is wanted")
    factor = (_number(model, FACTOR) or 1.0) / (_number(model, DIVISOR) or 1.0)
    softcap = next((cap for name in SOFTCAPS if (cap := _number(model, name))), None)
    scaled = None if bias is None else bias.detach().float() * factor
    return OutputHead(weight.detach().float() * factor, scaled, softcap)


def check_head(model: CausalModel, head: OutputHead) -> float:
    """The largest difference between the logits of `head` and the model's own, on windows of any words.

    Raises InputError naming the model where they differ by more than the rounding of the model's type.
    """
    windows, length = CHECKED[0], min(CHECKED[1], model.longest or CHECKED[1])
    words = torch.randint(len(head.weight), (windows, length), generator=torch.Generator().manual_seed(0))
    hidden, own = model.run(words.to(head.weight.device), last=length)
    own, ours = own.float().flatten(0, 1), head.logits(hidden.flatten(0, 1))
    if ours.shape != own.shape:
        raise InputError(
            f"model.path: {model.label} has logits for {own.shape[1]} words and a head for {ours.shape[1]}; "
            "as many are wanted"
        )
    apart, largest = float((ours - own).abs().max()), float(own.abs().max())
    if not apart <= max(TOLERANCE, ROUNDINGS * torch.finfo(hidden.dtype).eps) * largest:
        cap = "" if head.softcap is None else f", softly capped at {head.softcap:g}"
        raise InputError(
            f"model.path: {model.label} makes other logits than hidden · headᵀ + bias{cap}: up to {apart:.3g} apart, "
            f"where the largest is {largest:.3g}; a model that does nothing else to its logits, or names the factor or "
            f"cap in its configuration ({', '.join((FACTOR, DIVISOR, *SOFTCAPS))}), is wanted"
        )
    return apart


def _head_module(model: CausalModel) -> nn.Module:
    module = model.network.get_output_embeddings()
    if module is None:
        raise InputError(f"model.path: {model.label} names no output embedding; a causal language model is wanted")
    return module


def _number(model: CausalModel, name: str) -> float | None:
    """What the configuration of its language part has under `name`."""
    value = getattr(model.network.config.get_text_config(), name, None)
    return float(value) if isinstance(value, int | float) else None
