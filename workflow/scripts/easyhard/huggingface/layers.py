"""The layers of a causal language model of any architecture: states after each, what the head sees of them, costs."""

from collections.abc import Callable, Collection
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from easyhard.activations.layered import Layered, Mask, States
from easyhard.errors import InputError
from easyhard.huggingface.model import CHECKED, ROUNDINGS, TOLERANCE, CausalModel, OutputHead
from easyhard.model.lego import Leave, leave_out
from easyhard.tokens.windows import Windows

PROBED = 8  # tokens of the pass that finds layers and tail
LOUD = (256.0, 1024.0)  # a state times either is the same to a norm
SAME = 0.02  # of the largest number after a norm
TAKEN = ("num_experts_per_tok", "top_k_experts", "moe_topk")  # experts a token takes, as configurations call them
KEY_HEADS = ("num_key_value_heads", "num_kv_heads")  # as configurations call them
SHARED = "num_kv_shared_layers"  # layers that have no keys and values of their own, as configurations call them

Enter = Callable[[int, Tensor], Tensor]
"""A layer's number and the state it is given, to the state it is to be given."""


@dataclass(frozen=True)
class Layers:
    """A model's layers 1 … L, and its `tail`: the modules between the last of them and the head, in the order they run.

    `norm` names the one of these that takes the scale out of a state; None where the model has no final norm. States
    are of type `raw` before the tail, and of type `seen_as` where the head sees them.
    """

    model: CausalModel
    modules: tuple[nn.Module, ...]
    tail: dict[str, nn.Module]
    norm: str | None
    raw: torch.dtype
    seen_as: torch.dtype

    def layer_states(self, inputs: Tensor, wanted: Collection[int], left_out: int | None = None) -> dict[int, Tensor]:
        """Raw states after each `wanted` layer, k → (windows, length, dim); 0 is what the first layer is given.

        inputs (windows, length) int64. One pass over them; layer `left_out`, 1 … L, hands on what it is given.
        """
        states: dict[int, Tensor] = {}

        def leave(number: int, given: Tensor, made: Tensor) -> Tensor:
            handed_on = leave_out(left_out)(number, given, made)
            states.update((k, state) for k, state in ((number - 1, given), (number, handed_on)) if k in wanted)
            return handed_on

        self.visit(inputs, _as_given, leave)
        return states

    def seen(self, states: Tensor) -> Tensor:
        """What the head sees of raw states (..., dim): the model's tail, its norm with the statistics of these states.

        For `OutputHead.states`. Gradients pass through.
        """
        states = states.to(self.raw)
        for module in self.tail.values():
            states = _state(module(states))
        return states.to(self.seen_as)

    def multiply_adds(self) -> list[int]:
        """The multiply-adds of each layer's linear maps for one token: a weight that the token uses is one.

        Weights are a layer's parameters of two dimensions and more, without those of embeddings and norms, and without
        biases. In three dimensions they are experts' (experts, out, in) where their module counts experts: a token
        takes as many of these as the configuration says. What attention does with the keys and values of earlier
        tokens is not in, since it depends on their number. Raises InputError where the configuration does not say.
        """
        if getattr(self.model.network.config, "quantization_config", None):
            raise InputError(
                f"model.exits: the weights of {self.model.label} are quantised, so what its layers cost is not known; "
                "the model before that, or model.exits: null, is wanted"
            )
        return [sum(self._used(module) for module in layer.modules()) for layer in self.modules]

    def keys_values(self) -> list[int]:
        """The multiply-adds of what each layer makes of a token that skips it, because later tokens read it.

        Keys and values, 2 · d · d_kv, of layers that attend; others, as Mamba's, hand on a state that every token
        changes, so all that they cost. Raises InputError as `multiply_adds` and `attention` do.
        """
        text, costs = self.model.network.config.get_text_config(), self.multiply_adds()
        return [
            2 * text.hidden_size * self._key_heads() * self._head_dim() if _attends(layer) else cost
            for layer, cost in zip(self.modules, costs, strict=True)
        ]

    def attention(self) -> list[int]:
        """The multiply-adds of each layer for a token and one token that it attends to: 2 · heads · head_dim, or 0.

        Raises InputError where the configuration does not say how many heads there are.
        """
        return [2 * self._heads() * self._head_dim() if _attends(layer) else 0 for layer in self.modules]

    def visit(self, inputs: Tensor, enter: Enter, leave: Leave) -> None:
        """One pass over inputs (windows, length), in which `enter` and `leave` see the states before and after layers.

        What they return takes the states' place.
        """

        def before(number: int, _module: nn.Module, args: Any, kwargs: Any) -> tuple[Any, Any]:
            return _with_given(args, kwargs, enter(number, _given(args, kwargs)))

        def after(number: int, _module: nn.Module, args: Any, kwargs: Any, output: Any) -> Any:
            handed_on = leave(number, _given(args, kwargs), _state(output))
            return handed_on if isinstance(output, Tensor) else (handed_on, *output[1:])

        with ExitStack() as hooks:
            for number, module in enumerate(self.modules, start=1):
                hooks.enter_context(module.register_forward_pre_hook(partial(before, number), with_kwargs=True))
                hooks.enter_context(module.register_forward_hook(partial(after, number), with_kwargs=True))
            self.model.run(inputs)

    def _used(self, module: nn.Module) -> int:
        """The weights of a module itself that one token uses."""
        if isinstance(module, nn.Embedding) or "norm" in type(module).__name__.lower():
            return 0
        own = [weight for name, weight in module.named_parameters(recurse=False) if "bias" not in name]
        mixture = hasattr(module, "num_experts")
        taken = self._taken() if mixture else 0
        return sum(
            weight[0].numel() * taken if mixture and weight.dim() == 3 else weight.numel()
            for weight in own
            if weight.dim() > 1
        )

    def _heads(self) -> int:
        heads = getattr(self.model.network.config.get_text_config(), "num_attention_heads", None)
        if not isinstance(heads, int):
            raise InputError(
                f"model.path: {self.model.label} has layers that attend and does not say with how many heads; "
                "one number of all layers, num_attention_heads in its configuration, is wanted"
            )
        return heads

    def _head_dim(self) -> int:
        text = self.model.network.config.get_text_config()
        return getattr(text, "head_dim", None) or text.hidden_size // self._heads()

    def _key_heads(self) -> int:
        """Heads of keys and values, which query heads may share."""
        text = self.model.network.config.get_text_config()
        if getattr(text, "multi_query", False) and not getattr(text, "new_decoder_architecture", False):
            return 1  # Falcon, StarCoder
        return next((own for name in KEY_HEADS if (own := getattr(text, name, None))), self._heads())

    def _taken(self) -> int:
        config = self.model.network.config.get_text_config()
        taken = next((number for name in TAKEN if isinstance(number := getattr(config, name, None), int)), None)
        if taken is None:
            raise InputError(
                f"model.path: {self.model.label} has experts and does not say how many a token takes; "
                f"one number in its configuration ({', '.join(TAKEN)}) is wanted"
            )
        return taken


def find_layers(model: CausalModel) -> Layers:
    """The layers and the tail of a model, told from one pass over a few tokens.

    Layers are the one ModuleList, as long as the configuration says, whose modules run once each and in order; the tail
    is what turns the last one's states into what the head is given. Raises InputError naming the model where either
    cannot be told, where there is one layer, and where layers read keys and values of others.
    """
    config = model.network.config
    if config.is_encoder_decoder:
        raise InputError(f"model.path: {model.label} is an encoder and a decoder; a decoder alone is wanted for exits")
    count = getattr(config.get_text_config(), "num_hidden_layers", None)
    if count == 1:
        raise InputError(f"model.path: {model.label} has a single layer; at least two are wanted for exits")
    if shared := getattr(config.get_text_config(), SHARED, None):
        raise InputError(_sharing(model, f"{SHARED} is {shared}"))
    seen, calls = _calls(model)
    modules = _run_in_order(model, count, [call.module for call in calls])
    ran = {call.module: call for call in calls}
    states = [state for module in modules for state in (ran[module].given, ran[module].made)]
    if any(not isinstance(state, Tensor) or state.shape[:-1] != (1, PROBED) for state in states):
        raise InputError(
            f"model.path: {model.label} has layers whose states are not one vector a token; "
            "layers of states (windows, length, dim) are wanted for exits"
        )
    last = ran[modules[-1]]
    tail = _tail(model, calls[calls.index(last) + 1 :], last, seen)
    return Layers(model, modules, tail, _norm(tail, last.made), last.made.dtype, seen.dtype)


@torch.no_grad()
def check_exits(layers: Layers, head: OutputHead) -> float:
    """The largest difference between logits at exit L and the model's own, on windows of any words.

    Raises InputError naming the model where these differ by more than the rounding of its type, where a layer is given
    something else than the layer before it has made, and where what a layer makes depends on more than what it is
    given: then it reads keys and values, or other states, of layers that a token would leave out.
    """
    model, last = layers.model, len(layers.modules)
    windows, length = CHECKED[0], min(CHECKED[1], model.longest or CHECKED[1])
    generator = torch.Generator().manual_seed(0)
    words = torch.randint(len(head.weight), (windows, length), generator=generator).to(head.weight.device)
    seen = layers.seen(layers.layer_states(words, {last})[last])
    own = model.run(words, last=length)[1].float().flatten(0, 1)
    ours = head.logits(seen.flatten(0, 1))
    apart, largest = float((ours - own).abs().max()), float(own.abs().max())
    if not apart <= _rounding(seen) * largest:
        raise InputError(
            f"model.path: {model.label} makes other logits than its head of its last layer's states: up to {apart:.3g} "
            f"apart, where the largest is {largest:.3g}; a model that does nothing else to them is wanted for exits"
        )
    _check_alone(layers, words[:1, :PROBED])
    return apart


def layered(model: CausalModel, head: OutputHead) -> Layered:
    """A model as its exits see it, checked by `check_exits`. Raises InputError as this and `find_layers` do."""
    layers = find_layers(model)
    check_exits(layers, head)
    device = next(model.network.parameters()).device

    def inputs(windows: Windows) -> Tensor:
        return torch.tensor(windows.inputs.clip(min=0), dtype=torch.int64, device=device)  # what fills up comes last

    @torch.no_grad()
    def states(windows: Windows, wanted: Mask, numbers: Collection[int], left_out: int | None = None) -> States:
        found, rows = layers.layer_states(inputs(windows), numbers, left_out), torch.from_numpy(wanted).to(device)
        return {k: states[rows] for k, states in found.items()}

    return Layered(
        states,
        lambda windows, leave: layers.visit(inputs(windows), _as_given, leave),
        lambda raw: head.states(layers.seen(raw)),
        layers.multiply_adds(),
        layers.keys_values(),
        layers.attention(),
        model.network.config.get_text_config().hidden_size,
    )


def model_costs(model: CausalModel, head: OutputHead) -> dict[str, Any] | None:
    """Multiply-adds a token, as `policies.costs.Costs` reads them; None where that can't be told."""
    try:
        layers = find_layers(model)
        costs = {"layers": layers.multiply_adds(), "keys_values": layers.keys_values(), "attention": layers.attention()}
    except InputError:
        return None
    return costs | {"head": head.weight.numel()}


@dataclass(frozen=True, eq=False)
class _Call:
    """One call of a module: its first argument, and the first of what it returned."""

    name: str
    module: nn.Module
    given: Any
    made: Any


def _calls(model: CausalModel) -> tuple[Tensor, list[_Call]]:
    """What the head is given in a pass over a few tokens, and all calls of modules, in the order in which they end."""
    calls: list[_Call] = []

    def keep(name: str, module: nn.Module, args: Any, kwargs: Any, output: Any) -> None:
        calls.append(_Call(name, module, _given(args, kwargs), _state(output)))

    device = next(model.network.parameters()).device
    with ExitStack() as hooks:
        for name, module in model.network.named_modules():
            hooks.enter_context(module.register_forward_hook(partial(keep, name), with_kwargs=True))
        seen, _ = model.run(torch.arange(PROBED, device=device)[None])
    return seen, calls


def _run_in_order(model: CausalModel, count: int | None, ran: list[nn.Module]) -> tuple[nn.Module, ...]:
    """The modules of the outermost list of `count` modules that `ran` has once each and in order."""
    lists = {
        name: tuple(modules)
        for name, modules in model.network.named_modules()
        if isinstance(modules, nn.ModuleList) and len(modules) == count
    }
    found = [
        modules
        for name, modules in lists.items()
        if not any(name.startswith(f"{outer}.") for outer in lists)
        and [module for module in ran if module in modules] == list(modules)
    ]
    if len(found) != 1:
        raise InputError(
            f"model.path: {model.label} has {len(found) or 'no'} lists of {count} modules, as many as its "
            "configuration has layers, that run one after another, each once; one is wanted for exits"
        )
    return found[0]


def _tail(model: CausalModel, after: list[_Call], last: _Call, seen: Tensor) -> dict[str, nn.Module]:
    """The modules that make what the head has `seen` of what the last layer has made, found from the head backwards.

    A module's call ends after those of its parts, so the outermost is met first.
    """
    tail: dict[str, nn.Module] = {}
    wanted = seen
    for call in reversed(after):
        if _same(last.made, wanted):
            break
        if _same(call.made, wanted) and isinstance(call.given, Tensor) and last.module not in call.module.modules():
            tail = {call.name: call.module} | tail
            wanted = call.given
    if not _same(last.made, wanted):
        raise InputError(
            f"model.path: {model.label} does more to its last layer's states than modules one after another do "
            "before its output embedding sees them; a final norm, or none, is wanted for exits"
        )
    return tail


@torch.no_grad()
def _norm(tail: dict[str, nn.Module], like: Tensor) -> str | None:
    """The first of the modules to which states of any scale are the same; `like` is what the tail may be given."""
    states = torch.randn(like.shape, generator=torch.Generator().manual_seed(0)).to(like)
    for name, module in tail.items():
        first, second = (_state(module(states * scale)).float() for scale in LOUD)
        if float((second - first).abs().max()) <= SAME * float(first.abs().max()):
            return name
        states = _state(module(states))
    return None


def _check_alone(layers: Layers, words: Tensor) -> None:
    """Raise InputError where a layer's states are made from more than the states of the layer before.

    In each pass half of the layers are given their true states, the others wrong ones; of any two layers each is once
    among the first while the other is among the others.
    """
    states: dict[int, Tensor] = {}

    def keep(number: int, given: Tensor, made: Tensor) -> Tensor:
        if number > 1 and not _near(given, states[number - 1]):
            raise InputError(
                f"model.path: {layers.model.label} changes states between layers {number - 1} and {number}; "
                "layers that are given what the one before has made are wanted for exits"
            )
        states[number - 1], states[number] = given, made
        return made

    def enter(true: set[int], number: int, _given: Tensor) -> Tensor:
        return states[number - 1] if number in true else states[number - 1].flip(-1)

    def leave(true: set[int], number: int, _given: Tensor, made: Tensor) -> Tensor:
        if number in true and not _near(made, states[number]):
            raise InputError(_sharing(layers.model, f"layer {number} makes other states when earlier layers do"))
        return made

    layers.visit(words, _as_given, keep)
    numbers = range(1, len(layers.modules) + 1)
    for bit in range((len(numbers) - 1).bit_length()):
        for value in (0, 1):
            true = {number for number in numbers if (number - 1) >> bit & 1 == value}
            layers.visit(words, partial(enter, true), partial(leave, true))


def _as_given(_number: int, given: Tensor) -> Tensor:
    return given


def _attends(layer: nn.Module) -> bool:
    """Whether a layer has keys and values, told by what its modules are called."""
    return any("attention" in type(module).__name__.lower() for module in layer.modules())


def _sharing(model: CausalModel, reason: str) -> str:
    return (
        f"model.path: {model.label} has layers that read keys and values, or other states, of earlier layers "
        f"({reason}), so that no token can leave before them; layers that read what they are given alone are wanted "
        "for exits"
    )


def _given(args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """The first argument of a call, which is the state where the module is a layer."""
    return next(iter((*args, *kwargs.values())), None)


def _with_given(args: tuple[Any, ...], kwargs: dict[str, Any], state: Tensor) -> tuple[Any, Any]:
    """The arguments of a call with another state."""
    return ((state, *args[1:]), kwargs) if args else (args, kwargs | {next(iter(kwargs)): state})


def _state(output: Any) -> Any:
    """What a module has made of a state: its output, or the first of several."""
    return output[0] if isinstance(output, tuple | list) else output


def _same(one: Any, other: Tensor) -> bool:
    """Whether two states are the same numbers, up to the type of the other."""
    return isinstance(one, Tensor) and one.shape == other.shape and torch.equal(one.to(other.dtype), other)


def _near(one: Tensor, other: Tensor) -> bool:
    """Whether two states differ by rounding alone."""
    return float((one - other).abs().max()) <= _rounding(other) * float(other.abs().max())


def _rounding(states: Tensor) -> float:
    """What rounding may do to the largest number, as a share of it."""
    return max(TOLERANCE, ROUNDINGS * torch.finfo(states.dtype).eps)
