"""Where the tokens of one language model may stop: what the policy beside this file says of their states.

Copy the folder; this file needs torch and safetensors, nothing else.

    from easyhard_policy import load_policy

    policy = load_policy("policy")  # the folder
    stops = policy.leaves(4, h_before, h)  # (...) bool, of raw states (..., width) before and after layer 4

Ask at every layer of `policy.exits`, counted from 1, in order. A token that has stopped keeps its state: it skips the
layers that are left, but for the keys and values that they make of that state, which later tokens read, and what the
model says of it is what its final norm and head say of that state.
"""

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load
from torch import Tensor
from torch.nn.functional import linear

SCHEMA = 1
JSON, TENSORS = "policy.json", "policy.safetensors"
TINY = 1e-30  # in place of the norm of a state that is 0
START, FALL, RATE = 0.1, 0.9, 4.0  # of a decaying threshold: 0.9 λ + 0.1 exp(−4 position / window)


def _cosine(h: Tensor, before: Tensor) -> Tensor:
    return (h * before).sum(-1) / (h.norm(dim=-1) * before.norm(dim=-1)).clamp(min=TINY)


def _change(h: Tensor, before: Tensor) -> Tensor:
    return (h - before).norm(dim=-1) / h.norm(dim=-1).clamp(min=TINY)


def _norm(h: Tensor, _before: Tensor) -> Tensor:
    return h.norm(dim=-1)


LAYER_SIGNALS: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    "state_cosine": _cosine,
    "state_change": _change,
    "state_norm": _norm,
}


@dataclass(frozen=True)
class Policy:
    """A token leaves at the first exit where its signal passes that exit's threshold, else after the last layer.

    `thresholds` are by exit: the signal, or unless `high_leaves` its negative, is to be at least that high. `window` is
    that of a threshold which falls with the position, else None. `probe` says what network the signal is, None of one
    that is a formula. `about` is all that policy.json says: the run, the model's layers, what leaving costs.
    """

    signal: str
    width: int
    high_leaves: bool
    thresholds: Mapping[int, float]
    window: int | None
    probe: Mapping[str, Any] | None
    about: Mapping[str, Any] = field(repr=False)
    tensors: Mapping[str, Tensor] = field(repr=False)
    _placed: dict[torch.device, dict[str, Tensor]] = field(default_factory=dict, repr=False)

    @property
    def exits(self) -> tuple[int, ...]:
        """The layers after which a token may leave early, rising, from 1."""
        return tuple(self.thresholds)

    def leaves(self, exit: int, h_before: Tensor, h: Tensor, position: Tensor | int | None = None) -> Tensor:
        """Whether tokens leave after layer `exit`, (...) bool. What is not a number does not leave.

        h_before and h: raw states before and after that layer, (..., width) of any float type on any device. position:
        of the tokens in their window, from 0, to be broadcast to (...); only a decaying threshold reads it. Raises
        ValueError for another exit than one of `exits`, states of another width, or a position that is missing.
        """
        value = _wide(self.value(exit, h_before, h))
        level = value if self.high_leaves else -value
        if self.window is not None:
            if position is None:
                raise ValueError("a policy whose threshold falls with the position is given none; from 0 is wanted")
            at = _wide(torch.as_tensor(position, device=h.device))
            level = (level - START * torch.exp(-RATE * at / self.window)) / FALL
        return level >= self.thresholds[exit]

    @torch.no_grad()
    def value(self, exit: int, h_before: Tensor, h: Tensor) -> Tensor:
        """What the signal says, (...) float32: a probability, nats, or what its formula gives.

        NaN where no probe could be fitted at that exit. Arguments and errors are those of `leaves`.
        """
        if exit not in self.thresholds:
            raise ValueError(f"exit {exit}: none of this policy's; wanted: one of {', '.join(map(str, self.exits))}")
        if h.shape[-1:] != (self.width,):
            given = f"width {h.shape[-1]}: a policy from another model" if h.ndim else "a single number"
            raise ValueError(f"a policy for states of width {self.width} is given {given}")
        if h_before.shape != h.shape:
            raise ValueError(f"h_before is {tuple(h_before.shape)} and h is {tuple(h.shape)}; wanted: the same shape")
        with torch.autocast(h.device.type, enabled=False):
            if self.probe is None:
                return LAYER_SIGNALS[self.signal](_wide(h), _wide(h_before)).float()
            if exit not in self.probe["exits"]:
                return torch.full(h.shape[:-1], torch.nan, dtype=torch.float32, device=h.device)
            return self._ask(self.probe, exit, h_before.float(), h.float())

    def _ask(self, probe: Mapping[str, Any], exit: int, before: Tensor, h: Tensor) -> Tensor:
        own = self._on(h.device)
        x = torch.cat([h, h - before], -1) if probe["reads_change"] else h
        x = (x - own[f"{exit}/mean"]) / own[f"{exit}/deviation"]
        first = own[f"{exit}/weights_0"]  # (units, inputs + 1), the last column an offset
        output = linear(x, first[:, :-1], first[:, -1])
        if probe["architecture"] == "mlp":
            output = linear(output.relu(), own[f"{exit}/weights_1"][None], own[f"{exit}/weights_2"])
        mean, deviation = self.tensors[f"{exit}/unit"].tolist()
        slope, intercept = self.tensors[f"{exit}/line"].tolist()
        calibrated = slope * _wide(output[..., 0] * deviation + mean) + intercept
        return (calibrated.sigmoid() if probe["is_probability"] else calibrated).float()

    def _on(self, device: torch.device) -> dict[str, Tensor]:
        if device not in self._placed:
            self._placed[device] = {name: own.float().to(device) for name, own in self.tensors.items()}
        return self._placed[device]


def load_policy(folder: str | Path) -> Policy:
    """Read the policy of a folder.

    Raises ValueError, in one line, naming a file that is missing, damaged or foreign, or that holds no policy.
    """
    path, beside = Path(folder) / JSON, Path(folder) / TENSORS
    about = _read_json(path)
    if about["policy"] is None:
        raise ValueError(f"{path}: holds no policy: {about['reason']}")
    own, content = about["policy"], _read(beside)
    if hashlib.sha256(content).hexdigest() != about["tensors"]:
        raise ValueError(f"{beside}: not the tensors that {JSON} was written with (sha256 differs)")
    try:
        tensors = load(content)
    except SafetensorError as error:
        raise ValueError(f"{beside}: not a readable safetensors file ({error})") from error
    for name, shape in _shapes(about["probe"], own["width"]).items():
        found = tuple(tensors[name].shape) if name in tensors else "missing"
        if found != shape:
            raise ValueError(f"{beside}: {name} is {found}; wanted: {shape}, for states of width {own['width']}")
    thresholds = dict(zip(own["exits"], own["thresholds"], strict=False))  # the last layer has none
    return Policy(
        own["signal"], own["width"], own["high_leaves"], thresholds, own["window"], about["probe"], about, tensors
    )


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise ValueError(f"{path}: cannot be read ({error.strerror}); copy the whole folder") from error


def _read_json(path: Path) -> dict[str, Any]:
    try:
        held = json.loads(_read(path).decode())
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise ValueError(f"{path}: not JSON ({error})") from error
    schema = held.get("schema") if isinstance(held, dict) else None
    if schema != SCHEMA:
        raise ValueError(f"{path}: schema {schema!r}; wanted: {SCHEMA}, which is what this file reads")
    if held.pop("sha256", None) != hashlib.sha256(json.dumps(held, sort_keys=True).encode()).hexdigest():
        raise ValueError(f"{path}: not as it was written (sha256 differs)")
    return dict(held)


def _shapes(probe: Mapping[str, Any] | None, width: int) -> dict[str, tuple[int, ...]]:
    """What the tensors of every exit that has a probe are to be."""
    if probe is None:
        return {}
    inputs, units = width * (1 + probe["reads_change"]), probe["units"]
    wanted: dict[str, tuple[int, ...]] = {"mean": (inputs,), "deviation": (inputs,), "unit": (2,), "line": (2,)}
    wanted["weights_0"] = (units, inputs + 1)
    if probe["architecture"] == "mlp":
        wanted |= {"weights_1": (units,), "weights_2": (1,)}
    return {f"{exit}/{name}": shape for exit in probe["exits"] for name, shape in wanted.items()}


def _wide(numbers: Tensor) -> Tensor:
    """In float64, but on Apple's GPUs, which have none."""
    return numbers.float() if numbers.device.type == "mps" else numbers.double()
