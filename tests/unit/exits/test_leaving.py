"""A true pass with early exit: against one token after another, against columns on disk, and who may leave at all."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

from easyhard.activations.layered import Layered, batches, layered_lego
from easyhard.errors import InputError
from easyhard.exits.columns import exit_columns
from easyhard.exits.heads import ExitHeads
from easyhard.exits.leaving import At, Left, leave_by, signal_reader
from easyhard.huggingface.layers import layered
from easyhard.huggingface.model import CausalModel, output_head
from easyhard.logits.low_rank import LOW_RANK_STATISTICS, LowRankSweep
from easyhard.logits.moments import moments
from easyhard.logits.statistics import logit_statistics
from easyhard.model.layers import rotary_angles, rotate
from easyhard.model.lego import Lego
from easyhard.policies.policy import Mixture, Policy
from easyhard.probes.exits import ExitProbes, fit_exit_probes
from easyhard.progress import Progress
from easyhard.tokens.windows import NO_TOKEN, Windows

WORDS, DIM, DEPTH, LENGTH, COUNT = 60, 16, 5, 11, 9
EXITS = [1, 3, 4, 5]
NEVER = [1e30] * 3
PROBES = {"hidden": 8, "learning_rate": 0.01, "batch_size": 32, "max_epochs": 3, "patience": 3}
Cells = tuple[Callable[[int, int], Tensor], Callable[..., tuple[Tensor, Tensor]], Callable[..., Tensor]]


def make_windows(length: int = LENGTH, seed: int = 1) -> Windows:
    """Some rows foretell nothing: the beginning of one window, the end of another, all of a third."""
    token = np.random.default_rng(seed).integers(0, WORDS, (COUNT, length + 1)).astype(np.int32)
    inputs, targets = token[:, :-1].copy(), token[:, 1:].copy()
    if length > 1:
        targets[1, :4], targets[2, 6:], targets[4] = NO_TOKEN, NO_TOKEN, NO_TOKEN
    other = np.zeros_like(inputs)
    return Windows(inputs, targets, other, other, np.full(COUNT, "test"))


def in_batches(windows: Windows, rows: np.ndarray | None = None) -> Iterator[Any]:
    return batches(windows, batch_size=4, progress=Progress("test", COUNT, "windows"), rows=rows)


@cache
def lego() -> Lego:
    made = Lego(WORDS, dim=DIM, heads=2, ffn_dim=32, blocks=[1, 2, 1, 1], seed=3, exit_heads="own")
    draw = torch.Generator().manual_seed(2)
    with torch.no_grad():
        made.embedding.weight.mul_(50)
        for head in (made.head, *made.earlier_heads):
            head.copy_(torch.randn(head.shape, generator=draw))
    return made


@cache
def setting() -> tuple[Layered, ExitHeads, ExitProbes]:
    """A LEGO with every kind of head, and probes; those of one name are missing at the second exit."""
    model, draw = layered_lego(lego()), torch.Generator().manual_seed(7)
    head, wanted = lego().head.detach(), make_windows().targets != NO_TOKEN
    states = model.states(make_windows(), wanted, range(DEPTH + 1), None)
    translators = {
        layer: tuple(0.1 * torch.randn(*shape, generator=draw) for shape in ((DIM, DIM), (DIM,)))
        for layer in EXITS[:-1]
    }
    sweep = LowRankSweep(head, [4], kind="weighted", states=moments(states[DEPTH]), statistics=LOW_RANK_STATISTICS)
    counts = np.arange(1, WORDS + 1)
    own = {layer: model.own_heads[layer] for layer in EXITS}  # type: ignore[index]
    heads = ExitHeads(EXITS, head, None, moments(head), counts, translators, sweep, own)  # type: ignore[arg-type]
    target = make_windows().targets[wanted]
    outcomes = exit_columns(model, heads, states, target)[1] | {"target": target}
    rows = np.arange(len(target))
    found = fit_exit_probes(states, EXITS, outcomes, rows[::2], rows[1::2], PROBES, seed=0)
    networks = {key: network for key, network in found.networks.items() if key != (3, "linear_loss")}
    return model, heads, ExitProbes(networks)


def columns(windows: Windows) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
    """Signals, those of probes too, and outcomes of all rows that foretell a token."""
    model, heads, probes = setting()
    wanted = windows.targets != NO_TOKEN
    states = model.states(windows, wanted, range(DEPTH + 1), None)
    signals, outcomes = exit_columns(model, heads, states, windows.targets[wanted])
    return signals | probes.say(states), outcomes


def leave(policy: Policy, windows: Windows, rows: np.ndarray | None = None) -> Left:
    found = list(leave_by(policy, *setting(), in_batches(windows, rows)))
    return Left(*(np.concatenate(parts) for parts in zip(*found, strict=True)))


def every_signal() -> list[str]:
    return sorted({name.partition("/")[2] for name in columns(make_windows(1))[0]})


def test_signals_of_every_kind_are_among_them() -> None:
    wanted = {"kl_before", "translated/patience", "own/kl_before", "own/margin", "low_rank/entropy", "gaussian_lse"}
    assert wanted | {"state_change", "mlp_change_excess", "linear_loss", "translated/tail_mass_3"} <= {*every_signal()}


@pytest.mark.parametrize("name", every_signal())
def test_a_signal_is_that_of_the_columns_whether_others_have_left_or_not(name: str) -> None:
    """In windows of one token nobody attends to one that has left, so those who stay say what they would have said."""
    windows, gone, said = make_windows(1), np.arange(COUNT) % 3 == 0, dict[int, Any]()
    model, heads, probes = setting()
    read = signal_reader(model, heads, probes, name)
    earlier: list[Tensor] = []

    def decide(number: int, before: Tensor, here: Tensor, inside: np.ndarray) -> np.ndarray:
        said[EXITS[number]] = read(At(EXITS[number], before, here), earlier)
        leaves = gone[inside] & (number == 0)
        earlier[:] = [own[torch.from_numpy(~leaves)] for own in earlier]
        return leaves

    model.states_with_leaving(windows, windows.targets != NO_TOKEN, EXITS, decide)
    signals, _ = columns(windows)
    for layer, values in said.items():
        column = signals.get(f"{layer}/{name}")
        assert (values is None) == (column is None)
        if column is not None:
            np.testing.assert_allclose(values, column if layer == 1 else column[~gone], rtol=2e-5, atol=2e-5)


@pytest.mark.parametrize("signal", ["max_probability", "mlp_change_excess", "state_cosine", "kl_before"])
def test_a_policy_that_nobody_passes_is_the_model_itself_to_the_last_digit(signal: str) -> None:
    model, heads, _ = setting()
    found = leave(Policy("one", signal, EXITS, True, NEVER), make_windows())
    assert set(found.exit) == {DEPTH}
    loss, argmax = [], []
    for windows, wanted, _ in in_batches(make_windows()):
        target = torch.from_numpy(windows.targets[wanted]).long()
        seen = model.states(windows, wanted, [DEPTH], None)[DEPTH]
        own = logit_statistics(seen, heads.head, target, statistics=["loss", "argmax"])
        loss.append(own["loss"].numpy())
        argmax.append(own["argmax"].numpy())
    np.testing.assert_array_equal(found.loss, np.concatenate(loss))
    np.testing.assert_array_equal(found.argmax, np.concatenate(argmax))


@pytest.mark.parametrize("head", ["", "translated/", "own/"])
@pytest.mark.parametrize("number", [0, 2])
def test_a_policy_that_all_pass_at_an_exit_has_its_columns(head: str, number: int) -> None:
    """At the third exit too: until then all have run all layers."""
    thresholds = [-1e30 if place == number else 1e30 for place in range(3)]
    found = leave(Policy("each", f"{head}entropy", EXITS, False, thresholds), make_windows())
    _, outcomes = columns(make_windows())
    assert set(found.exit) == {EXITS[number]}
    np.testing.assert_allclose(found.loss, outcomes[f"{EXITS[number]}/{head}loss"], rtol=1e-5, atol=1e-5)
    np.testing.assert_array_equal(found.argmax, outcomes[f"{EXITS[number]}/{head}argmax"])


def between(values: np.ndarray) -> float:
    """Half-way between the two values in the middle, so that no rounding turns a token."""
    return float(np.sort(values.astype(np.float64))[len(values) // 2 - 1 : len(values) // 2 + 1].mean())


def half(signal: str, **changes: Any) -> Policy:
    """About half of the tokens leave at each exit, were all earlier ones there; `high_leaves` is true."""
    signals, _ = columns(make_windows())
    medians = [between(signals[f"{layer}/{signal}"]) if f"{layer}/{signal}" in signals else 0.0 for layer in EXITS[:-1]]
    return replace(Policy("each", signal, EXITS, True, medians), **changes)


MIXTURE = [Mixture(0.5, (4.0, 2.0), (2.0, 4.0))] * 3
POLICIES = [
    half("mlp_change_excess"),
    half("own/max_probability"),
    half("max_probability", window=LENGTH),
    half("max_probability", mixtures=MIXTURE, thresholds=[0.4, 0.5, 0.5]),
    half("kl_before"),
    half("patience", thresholds=[1.0, 1.0, 2.0]),
]


@pytest.mark.parametrize("policy", POLICIES, ids=lambda policy: policy.name)
def test_the_first_to_leave_are_those_that_the_policy_names(policy: Policy) -> None:
    """At the first exit where the signal has a value all tokens are still there."""
    signals, _ = columns(make_windows())
    number = next(place for place, layer in enumerate(EXITS) if f"{layer}/{policy.signal}" in signals)
    position = np.nonzero(make_windows().targets != NO_TOKEN)[1]
    leaves = policy.leaves(number, signals[f"{EXITS[number]}/{policy.signal}"], position)
    assert 0 < leaves.sum() < len(leaves)
    np.testing.assert_array_equal(leave(policy, make_windows()).exit == EXITS[number], leaves)


@pytest.mark.parametrize("policy", POLICIES, ids=lambda policy: policy.name)
def test_later_tokens_change_no_decision_and_no_loss(policy: Policy) -> None:
    before, windows = make_windows(), make_windows()
    windows.inputs[:, 6:] = (windows.inputs[:, 6:] + 7) % WORDS
    early = np.nonzero(before.targets != NO_TOKEN)[1] < 6
    one, other = leave(policy, before), leave(policy, windows)
    assert len(set(one.exit[early])) > 1
    assert not np.array_equal(one.loss[~early], other.loss[~early])
    np.testing.assert_array_equal(one.exit[early], other.exit[early])
    np.testing.assert_allclose(one.loss[early], other.loss[early], rtol=1e-6, atol=1e-6)


def test_some_rows_alone_are_the_same_rows_since_others_leave_as_well() -> None:
    policy, rows = half("max_probability"), np.array([3, 4, 20, 40])
    every, some = leave(policy, make_windows()), leave(policy, make_windows(), rows)
    assert len(set(every.exit)) == len(EXITS)
    np.testing.assert_array_equal(some.exit, every.exit[rows])
    np.testing.assert_allclose(some.loss, every.loss[rows], rtol=1e-5, atol=1e-5)


def test_where_a_probe_is_missing_nobody_leaves() -> None:
    found = leave(Policy("each", "linear_loss", EXITS, True, [1e30, -1e30, 1e30]), make_windows())
    assert set(found.exit) == {DEPTH}


@pytest.mark.parametrize(
    "signal", ["previous_depth", "oracle", "hidden_norm", "translated/mlp_loss", "target_probability", "low_rank/loss"]
)
def test_what_no_exit_knows_is_named(signal: str) -> None:
    with pytest.raises(InputError, match=rf"^policy of signal '{signal}': no exit of this run"):
        leave(Policy("one", signal, EXITS, True, NEVER), make_windows())


def test_a_head_that_is_not_there_and_other_exits_are_named() -> None:
    model, heads, probes = setting()
    with pytest.raises(InputError, match="policy of signal 'translated/entropy'"):
        signal_reader(model, replace(heads, translators=None), probes, "translated/entropy")
    with pytest.raises(InputError, match=r"one/entropy: exits \[2, 4\]; those of the run, \[1, 3, 4, 5\]"):
        leave(Policy("one", "entropy", [2, 4], True, [0.0]), make_windows())


def attend(query: Tensor, keys: list[Tensor], values: list[Tensor]) -> Tensor:
    """One token's heads (heads, head_dim) over those of all tokens so far, of which several heads may share one."""
    key, value = (torch.stack(own).repeat_interleave(len(query) // len(own[0]), 1) for own in (keys, values))
    weight = torch.einsum("hd,thd->ht", query, key) / query.shape[1] ** 0.5
    return torch.einsum("ht,thd->hd", weight.softmax(1), value).flatten()


def lego_cells(model: Lego) -> Cells:
    cos, sin = rotary_angles(LENGTH, model.head_dim)

    def turned(part: Any, x: Tensor, place: int) -> Tensor:
        return rotate(part(x).view(-1, model.head_dim), cos[place], sin[place])

    def keys_values(layer: Any, x: Tensor, place: int) -> tuple[Tensor, Tensor]:
        return turned(layer.attention.key, x, place), layer.attention.value(x).view(-1, model.head_dim)

    def run(layer: Any, x: Tensor, place: int, keys: list[Tensor], values: list[Tensor]) -> Tensor:
        mixed = attend(turned(layer.attention.query, x, place), keys, values)
        x = layer.attention_norm(x + layer.attention.output(mixed))
        return layer.ffn_norm(x + layer.ffn(x))

    return lambda token, place: model.embedding.weight[token], keys_values, run


def llama_cells(network: Any) -> Cells:
    size = network.config.head_dim

    def turned(part: Any, x: Tensor, place: int) -> Tensor:
        cos, sin = network.model.rotary_emb(x[None, None], torch.tensor([[place]]))
        return rotate(part(x).view(-1, size), cos[0, 0], sin[0, 0])

    def keys_values(layer: Any, x: Tensor, place: int) -> tuple[Tensor, Tensor]:
        x = layer.input_layernorm(x)
        return turned(layer.self_attn.k_proj, x, place), layer.self_attn.v_proj(x).view(-1, size)

    def run(layer: Any, x: Tensor, place: int, keys: list[Tensor], values: list[Tensor]) -> Tensor:
        query = turned(layer.self_attn.q_proj, layer.input_layernorm(x), place)
        x = x + layer.self_attn.o_proj(attend(query, keys, values))
        return x + layer.mlp(layer.post_attention_layernorm(x))

    return lambda token, place: network.model.embed_tokens.weight[token], keys_values, run


def gpt2_cells(network: Any) -> Cells:
    body = network.transformer

    def parts(layer: Any, x: Tensor) -> list[Tensor]:
        return [own.view(network.config.n_head, -1) for own in layer.attn.c_attn(layer.ln_1(x)[None])[0].chunk(3)]

    def keys_values(layer: Any, x: Tensor, place: int) -> tuple[Tensor, Tensor]:
        return parts(layer, x)[1], parts(layer, x)[2]

    def run(layer: Any, x: Tensor, place: int, keys: list[Tensor], values: list[Tensor]) -> Tensor:
        x = x + layer.attn.c_proj(attend(parts(layer, x)[0], keys, values)[None])[0]
        return x + layer.mlp(layer.ln_2(x)[None])[0]

    return lambda token, place: body.wte.weight[token] + body.wpe.weight[place], keys_values, run


@torch.no_grad()
def one_after_another(
    modules: Any, cells: Cells, windows: Windows, value: Callable[[Tensor, Tensor], float], thresholds: list[float]
) -> tuple[list[int], Tensor]:
    """Where each token leaves, and its final state: a token goes through the layers when those before it have, and
    where it has left it makes its keys and values all the same."""
    embed, keys_values, run = cells
    exits, final = [], []
    for inputs, targets in zip(windows.inputs, windows.targets, strict=True):
        cache: list[tuple[list[Tensor], list[Tensor]]] = [([], []) for _ in modules]
        for place, (token, target) in enumerate(zip(inputs.tolist(), targets.tolist(), strict=True)):
            x, exit = embed(token, place), 0
            for number, (layer, (keys, values)) in enumerate(zip(modules, cache, strict=True), start=1):
                for kept, own in zip((keys, values), keys_values(layer, x, place), strict=True):
                    kept.append(own)
                if exit:
                    continue
                before, x = x, run(layer, x, place, keys, values)
                if number in EXITS[:-1] and target != NO_TOKEN:
                    exit = number if value(before, x) >= thresholds[EXITS.index(number)] else 0
            if target != NO_TOKEN:
                exits.append(exit or DEPTH)
                final.append(x)
    return exits, torch.stack(final)


def network(name: str) -> Any:
    """A model whose weights, norms and biases are drawn at random, so that none can be left out unseen."""
    from transformers import AutoConfig, AutoModelForCausalLM

    ids = {
        "vocab_size": WORDS,
        "max_position_embeddings": 32,
        "pad_token_id": None,
        "bos_token_id": 0,
        "eos_token_id": 0,
    }
    own = {
        "llama": {"hidden_size": DIM, "num_hidden_layers": DEPTH, "num_attention_heads": 4, "num_key_value_heads": 2}
        | {"intermediate_size": 24},
        "gpt2": {"n_embd": DIM, "n_layer": DEPTH, "n_head": 4},
    }[name]
    made: Any = AutoModelForCausalLM.from_config(AutoConfig.for_model(name, **ids, **own))
    draw = torch.Generator().manual_seed(4)
    with torch.no_grad():
        for key, weight in made.named_parameters():
            drawn = torch.randn(weight.shape, generator=draw)
            norm = weight.dim() == 1 and key.endswith("weight")
            weight.copy_(1 + 0.3 * drawn if norm else drawn / max(2.0, weight.shape[-1] ** 0.5))
    return made.eval().requires_grad_(False)


def known(name: str) -> tuple[Layered, Tensor, Any, Cells]:
    """A model, its head, its layers and what one token goes through in them."""
    if name == "lego":
        return layered_lego(lego()), lego().head.detach(), lego().layers, lego_cells(lego())
    whole = network(name)
    model, head = CausalModel(whole, name), output_head(CausalModel(whole, name))
    if name == "llama":
        return layered(model, head), head.matrix, whole.model.layers, llama_cells(whole)
    return layered(model, head), head.matrix, whole.transformer.h, gpt2_cells(whole)


@pytest.mark.parametrize("signal", ["state_cosine", "max_probability"])
@pytest.mark.parametrize("name", ["lego", "llama", "gpt2"])
def test_it_is_what_one_token_after_another_gives(name: str, signal: str) -> None:
    model, head, modules, cells = known(name)
    windows = make_windows()
    wanted = windows.targets != NO_TOKEN
    heads = ExitHeads(EXITS, head, None, moments(head))
    states = model.states(windows, wanted, range(DEPTH + 1), None)
    signals, outcomes = exit_columns(model, heads, states, windows.targets[wanted])
    thresholds = [float(np.quantile(signals[f"{layer}/{signal}"], 0.6)) for layer in EXITS[:-1]]

    def value(before: Tensor, here: Tensor) -> float:
        if signal == "state_cosine":
            return float(torch.cosine_similarity(here, before, dim=0))
        return float((model.seen(here[None]) @ head.T).softmax(1).max())

    exits, final = one_after_another(modules, cells, windows, value, thresholds)
    loss = cross_entropy(model.seen(final) @ head.T, torch.from_numpy(windows.targets[wanted]).long(), reduction="none")
    policy = Policy("each", signal, EXITS, True, thresholds)
    found = list(leave_by(policy, model, heads, ExitProbes({}), in_batches(windows)))
    true = Left(*(np.concatenate(parts) for parts in zip(*found, strict=True)))
    assert min(exits.count(layer) for layer in EXITS) > 2
    assert true.exit.tolist() == exits
    np.testing.assert_allclose(true.loss, loss, rtol=1e-4, atol=1e-4)
    simulated = np.select([true.exit == layer for layer in EXITS], [outcomes[f"{layer}/loss"] for layer in EXITS])
    assert np.abs(true.loss - simulated).max() > 1e-2  # where all earlier tokens have run all layers
