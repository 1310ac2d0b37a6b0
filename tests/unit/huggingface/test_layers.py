"""States at every exit of many architectures against transformers' own, and what exits cannot be had of."""

import copy
import dataclasses
from collections.abc import Callable
from functools import cache
from itertools import combinations
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from easyhard.errors import InputError
from easyhard.huggingface.dump import run_huggingface, text_windows
from easyhard.huggingface.layers import Layers, check_exits, find_layers, layered, model_costs
from easyhard.huggingface.model import CausalModel, output_head
from easyhard.tokens.encoding import TokenStream
from easyhard.tokens.windows import NO_TOKEN

WORDS, DIM, DEPTH, LENGTH = 50, 32, 3, 24
IDS = {"vocab_size": WORDS, "max_position_embeddings": 64, "pad_token_id": None, "bos_token_id": 0, "eos_token_id": 0}
SIZES = {"hidden_size": DIM, "num_hidden_layers": DEPTH, "num_attention_heads": 2, "intermediate_size": 40}
GROUPED = SIZES | {"num_key_value_heads": 1}
HEADS = GROUPED | {"head_dim": 16}
WINDOWED = HEADS | {"sliding_window": 8, "query_pre_attn_scalar": 16}
LOCAL = ["sliding_attention"] * (DEPTH - 1)
SOME = GROUPED | {"num_experts_per_tok": 2}
MODELS: dict[str, tuple[dict[str, Any], str, str | None]] = {  # configuration, layers, final norm
    "llama": (GROUPED, "model.layers", "model.norm"),
    "mistral": (GROUPED | {"sliding_window": 8}, "model.layers", "model.norm"),
    "qwen2": (GROUPED, "model.layers", "model.norm"),
    "qwen3": (HEADS, "model.layers", "model.norm"),
    "gemma2": (WINDOWED | {"final_logit_softcapping": 3.0}, "model.layers", "model.norm"),
    "gemma3_text": (WINDOWED | {"layer_types": ["full_attention", *LOCAL]}, "model.layers", "model.norm"),
    "phi": (SIZES, "model.layers", "model.final_layernorm"),
    "phi3": (GROUPED, "model.layers", "model.norm"),
    "gpt2": ({"n_embd": DIM, "n_layer": DEPTH, "n_head": 2}, "transformer.h", "transformer.ln_f"),
    "openai-gpt": ({"n_embd": DIM, "n_layer": DEPTH, "n_head": 2}, "transformer.h", None),
    "gpt_neox": (SIZES, "gpt_neox.layers", "gpt_neox.final_layer_norm"),
    "opt": (SIZES | {"ffn_dim": 40}, "model.decoder.layers", "model.decoder.final_layer_norm"),
    "olmo2": (GROUPED, "model.layers", "model.norm"),
    "falcon": (SIZES | {"alibi": True}, "transformer.h", "transformer.ln_f"),
    "bloom": ({"hidden_size": DIM, "n_layer": DEPTH, "n_head": 2}, "transformer.h", "transformer.ln_f"),
    "mixtral": (SOME | {"num_local_experts": 4}, "model.layers", "model.norm"),
    "qwen3_moe": (SOME | {"num_experts": 6, "moe_intermediate_size": 24}, "model.layers", "model.norm"),
    "granite": (GROUPED | {"logits_scaling": 4.0}, "model.layers", "model.norm"),
    "cohere": (GROUPED | {"logit_scale": 0.25}, "model.layers", "model.norm"),
    "mamba": ({"hidden_size": DIM, "num_hidden_layers": DEPTH}, "backbone.layers", "backbone.norm_f"),
}
every_model = pytest.mark.parametrize("name", MODELS)


def network(name: str, **changes: Any) -> Any:
    """A model whose weights, norms and biases are drawn at random, so that none can be left out unseen."""
    from transformers import AutoConfig, AutoModelForCausalLM

    settings = MODELS[name][0] if name in MODELS else HEADS
    made: Any = AutoModelForCausalLM.from_config(AutoConfig.for_model(name, **IDS | settings | changes))
    draw = torch.Generator().manual_seed(4)
    with torch.no_grad():
        for key, weight in made.named_parameters():
            drawn = torch.randn(weight.shape, generator=draw)
            norm = weight.dim() == 1 and key.endswith("weight")
            weight.copy_(1 + 0.3 * drawn if norm else drawn / max(2.0, weight.shape[-1] ** 0.5))
    return made.eval()


@cache
def model(name: str) -> CausalModel:
    return CausalModel(network(name), name)


@cache
def layers(name: str) -> Layers:
    return find_layers(model(name))


def words(windows: int = 3, length: int = LENGTH) -> Tensor:
    return torch.randint(WORDS, (windows, length), generator=torch.Generator().manual_seed(1))


def part(whole: nn.Module, name: str | None) -> Any:
    return nn.Identity() if name is None else whole.get_submodule(name)


def own_logits(whole: Any, seen: Tensor) -> Tensor:
    """What a model does to what its head sees, from its configuration."""
    config = whole.config
    logits = whole.get_output_embeddings()(seen) * (getattr(config, "logit_scale", None) or 1.0)
    logits = logits / (getattr(config, "logits_scaling", None) or 1.0)
    cap = getattr(config, "final_logit_softcapping", None)
    return logits if cap is None else cap * (logits / cap).tanh()


@torch.no_grad()
def own_pass(whole: Any) -> tuple[list[Tensor], Tensor]:
    """What transformers says are the states before layers 1 … L, then the last after the norm; and the logits."""
    everything = torch.ones_like(words())
    found = whole(input_ids=words(), attention_mask=everything, use_cache=False, output_hidden_states=True)
    states = list(found.hidden_states)
    if whole.config.model_type == "mamba":  # the states after each layer instead
        states = [whole.get_input_embeddings()(words()), *states[:-2], states[-1]]
    return states, found.logits


@every_model
@torch.no_grad()
def test_the_lens_at_every_layer_is_norm_and_head_of_transformers_own_states(name: str) -> None:
    whole, found, head = model(name).network, layers(name), output_head(model(name))
    norm = part(whole, MODELS[name][2])
    own, logits = own_pass(whole)
    assert found.modules == tuple(part(whole, MODELS[name][1]))
    assert found.norm == MODELS[name][2]
    assert list(found.tail) == [name for name in [found.norm] if name]
    states = found.layer_states(words(), range(DEPTH + 1))
    assert list(states) == list(range(DEPTH + 1))
    for k in range(DEPTH):
        assert torch.equal(states[k], own[k])
        lens = head.logits(found.seen(states[k]).flatten(0, 1))
        assert torch.allclose(lens, own_logits(whole, norm(own[k])).flatten(0, 1), atol=1e-5)
        if k:
            assert not torch.allclose(lens, logits.flatten(0, 1), atol=0.1)
    assert torch.equal(found.seen(states[DEPTH]), own[DEPTH])  # which has the norm already
    assert torch.equal(own_logits(whole, found.seen(states[DEPTH])), logits)
    assert check_exits(found, head) < 1e-4


@pytest.mark.parametrize("name", [name for name, (_, _, norm) in MODELS.items() if norm])
@torch.no_grad()
def test_a_norm_takes_its_statistics_from_the_layer_itself(name: str) -> None:
    found = layers(name)
    states = found.layer_states(words(), {1})[1]
    assert torch.allclose(found.seen(7000 * states), found.seen(1000 * states), atol=1e-4)  # else 7 times as much


def removed(whole: Any, path: str, layer: int) -> Any:
    """A copy of a model in which a layer, from 1, is not there."""
    shorter = copy.deepcopy(whole)
    del part(shorter, path)[layer - 1]
    if getattr(shorter.config, "layer_types", None):
        del shorter.config.layer_types[layer - 1]
    shorter.config.num_hidden_layers = DEPTH - 1
    return shorter


@every_model
@torch.no_grad()
def test_a_pass_without_a_layer_is_that_of_a_model_without_it(name: str) -> None:
    whole, found = model(name).network, layers(name)
    for layer in range(1, DEPTH + 1):
        own, logits = own_pass(removed(whole, MODELS[name][1], layer))
        states = found.layer_states(words(), range(DEPTH + 1), left_out=layer)
        assert torch.equal(states[layer], states[layer - 1])
        rest = [states[k] for k in range(DEPTH + 1) if k != layer]
        for ours, theirs in zip(rest[:-1], own[:-1], strict=True):
            assert torch.equal(ours, theirs)
        assert torch.equal(own_logits(whole, found.seen(states[DEPTH])), logits)
    after = found.layer_states(words(), {DEPTH})[DEPTH]  # nothing is left behind
    assert torch.equal(own_logits(whole, found.seen(after)), own_pass(whole)[1])


@every_model
def test_later_tokens_change_no_earlier_state(name: str) -> None:
    changed = words()
    changed[:, 15:] = (changed[:, 15:] + 1) % WORDS
    before, after = (layers(name).layer_states(inputs, range(DEPTH + 1)) for inputs in (words(), changed))
    for k in range(DEPTH + 1):
        assert torch.allclose(before[k][:, :15], after[k][:, :15], atol=1e-5)
        assert not torch.allclose(before[k][:, 15:], after[k][:, 15:], atol=0.1)


@pytest.mark.parametrize("name", ["llama", "gemma2", "mamba"])  # mamba's states stay in float32
def test_exits_of_halves_are_the_models_own(name: str) -> None:
    half = CausalModel(network(name).to(torch.bfloat16), name)
    found = find_layers(half)
    states = found.layer_states(words(), {DEPTH})[DEPTH]
    seen, _ = half.run(words())
    assert found.norm == MODELS[name][2]
    assert torch.equal(found.seen(states.float()), seen)
    check_exits(found, output_head(half))


def test_gradients_pass_to_the_states() -> None:
    states = layers("llama").layer_states(words(), {1})[1].requires_grad_()
    layers("llama").seen(states).sum().backward()
    assert states.grad is not None
    assert states.grad.abs().max() > 0


@pytest.mark.parametrize("packing", ["document", "packed"])
@pytest.mark.parametrize("name", ["llama", "phi"])  # phi's head has a bias
def test_rows_of_windows_are_those_of_the_dump(name: str, packing: str) -> None:
    token = np.random.default_rng(0).integers(1, WORDS, 70).astype(np.int32)
    stream = TokenStream(token, np.repeat(np.arange(3, dtype=np.int32), (41, 2, 27)))
    windows = text_windows([stream], {"packing": packing, "window": 16}, {"start": None, "end": 0}, None)
    wanted = windows.targets != NO_TOKEN
    head = output_head(model(name))
    states, _ = run_huggingface(model(name), head)(windows, wanted)
    own = layered(model(name), head)
    found = own.states(windows, wanted, [0, 2, DEPTH], None)
    assert list(found) == [0, 2, DEPTH]
    assert all(raw.shape == (wanted.sum(), DIM) for raw in found.values())
    assert torch.equal(own.seen(found[DEPTH]), states)
    without = own.states(windows, wanted, [2, DEPTH], DEPTH)
    assert torch.equal(without[2], found[2])
    assert torch.equal(without[DEPTH], found[2])


def sizes(name: str, **changes: Any) -> list[int]:
    """Costs of the layers of a configuration."""
    return bare(name, **changes).multiply_adds()


def bare(name: str, **changes: Any) -> Layers:
    """The layers of a configuration, of a model that has no numbers."""
    from transformers import AutoConfig, AutoModelForCausalLM

    with torch.device("meta"):
        whole: Any = AutoModelForCausalLM.from_config(AutoConfig.for_model(name, **changes))
    modules = tuple(part(whole, MODELS[name][1]))
    return Layers(CausalModel(whole, name), modules, {}, None, torch.float32, torch.float32)


def test_costs_are_those_of_a_hand_count() -> None:
    eight = {"hidden_size": 4096, "intermediate_size": 14336, "num_attention_heads": 32, "num_key_value_heads": 8}
    attention = 2 * 4096 * 4096 + 2 * 4096 * 1024  # queries and output, keys and values
    expert = 3 * 4096 * 14336  # gate, up, down
    llama = sizes("llama", **eight, num_hidden_layers=32, vocab_size=128256)  # Llama 3 8B
    assert llama == [attention + expert] * 32
    assert 128256 * 4096 / llama[0] == pytest.approx(2.4, abs=0.05)  # the head, in layers
    assert sizes("gpt2") == [4 * 768 * 768 + 2 * 768 * 3072] * 12  # GPT-2 small
    mixtral = sizes("mixtral", **eight, num_hidden_layers=4, num_local_experts=8, num_experts_per_tok=2)  # 8x7B
    assert mixtral == [attention + 2 * expert + 8 * 4096] * 4
    inner, state, rank = 1536, 16, 48  # Mamba 130M: in, convolution, x, steps, A, out
    scan = inner * 4 + inner * (rank + 2 * state) + rank * inner + inner * state
    assert sizes("mamba", hidden_size=768, num_hidden_layers=2) == [768 * 2 * inner + scan + inner * 768] * 2
    heads = {"num_attention_heads": 8, "num_key_value_heads": 8, "use_qk_norm": True}  # norms (heads, head_dim)
    cohere = sizes("cohere", hidden_size=64, intermediate_size=96, num_hidden_layers=2, **heads)
    assert cohere == [4 * 64 * 64 + 3 * 64 * 96] * 2


def test_what_a_layer_costs_that_is_skipped_and_a_token_that_is_attended_to() -> None:
    eight = {"hidden_size": 4096, "intermediate_size": 14336, "num_attention_heads": 32, "num_key_value_heads": 8}
    llama = bare("llama", **eight, num_hidden_layers=4, vocab_size=128256)
    assert (llama.keys_values(), llama.attention()) == ([2 * 4096 * 1024] * 4, [2 * 4096] * 4)
    gpt2 = bare("gpt2")
    assert (gpt2.keys_values(), gpt2.attention()) == ([2 * 768 * 768] * 12, [2 * 768] * 12)
    wide = bare("qwen3", **HEADS | {"head_dim": 24})  # two heads of queries, one of keys
    assert (wide.keys_values(), wide.attention()) == ([2 * DIM * 24] * DEPTH, [2 * 2 * 24] * DEPTH)
    falcon = bare("falcon", **SIZES, multi_query=True, new_decoder_architecture=False)
    assert falcon.keys_values() == [2 * DIM * DIM // 2] * DEPTH
    mamba = bare("mamba", hidden_size=64, num_hidden_layers=2)
    assert (mamba.keys_values(), mamba.attention()) == (mamba.multiply_adds(), [0, 0])


@every_model
def test_only_layers_with_keys_and_values_attend(name: str) -> None:
    assert all(layers(name).attention()) == (name != "mamba")


def test_experts_of_an_unknown_share_are_named() -> None:
    each = {"num_experts": 4, "moe_topk": [1, 2, 2], "moe_intermediate_size": 24}  # a number a layer
    mixture = CausalModel(network("hunyuan_v1_moe", **each), "hunyuan")
    with pytest.raises(InputError, match="hunyuan has experts and does not say how many a token takes"):
        find_layers(mixture).multiply_adds()
    assert model_costs(mixture, output_head(mixture)) is None
    llama = CausalModel(network("llama"), "llama")
    costs = model_costs(llama, output_head(llama))
    assert costs is not None
    assert (costs["layers"], costs["head"]) == (layers("llama").multiply_adds(), WORDS * DIM)


class Body(nn.Module):
    """Layers, run one or more rounds, and a norm; what it hands on is a plain tensor."""

    def __init__(self, rounds: int) -> None:
        super().__init__()
        self.rounds = rounds
        self.embedding = nn.Embedding(WORDS, DIM)
        self.layers = nn.ModuleList(nn.Linear(DIM, DIM) for _ in range(DEPTH))
        self.norm = nn.LayerNorm(DIM)

    def forward(self, ids: Tensor) -> Tensor:
        return self.norm(nn.Sequential(*self.rounds * [*self.layers])(self.embedding(ids)))


class Plain(nn.Module):
    """A model that is not built as transformers' own are."""

    def __init__(self, rounds: int = 1) -> None:
        from transformers import PreTrainedConfig

        super().__init__()
        self.body, self.head = Body(rounds), nn.Linear(DIM, WORDS)
        self.config = PreTrainedConfig(num_hidden_layers=DEPTH)

    def get_output_embeddings(self) -> nn.Module:
        return self.head

    def forward(self, input_ids: Tensor, **_others: Any) -> SimpleNamespace:
        return SimpleNamespace(logits=self.head(self.body(input_ids)))


def encoder_decoder() -> Any:
    from transformers import T5Config, T5ForConditionalGeneration

    config = T5Config(vocab_size=WORDS, d_model=DIM, d_kv=8, d_ff=40, num_layers=2, num_heads=2)
    return T5ForConditionalGeneration(config).eval()


def shortened() -> Any:
    """A model that runs fewer layers than it has."""
    whole = network("llama")
    whole.config.num_hidden_layers = DEPTH - 1
    return whole


def halved() -> Any:
    """A model that does something after its norm that is no module."""
    whole = network("llama")
    whole.lm_head.register_forward_pre_hook(lambda _module, args: (args[0] / 2,))
    return whole


SHARED = {"num_kv_shared_layers": 1, "hidden_size_per_layer_input": 8, "sliding_window": 8}
SHARED |= {"layer_types": ["full_attention"] * DEPTH, "global_head_dim": 16}
STREAMS = {"num_hidden_layers": 4, "layer_types": ["full_attention"] * 4, "intermediate_size": [40] * 4}
STREAMS |= {"activation_sparsity_pattern": [0.0] * 4, "num_kv_shared_layers": 0, "laurel_rank": 4}
STREAMS |= {"hidden_size_per_layer_input": 8, "vocab_size_per_layer_input": WORDS}
PARTED = {"emb_dim": DIM, "n_layers": DEPTH, "n_heads": 2, "pad_token_id": 1}


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (encoder_decoder, r"is an encoder and a decoder; a decoder alone is wanted"),
        (lambda: network("llama", num_hidden_layers=1), r"has a single layer; at least two are wanted"),
        (lambda: network("gemma4_text", **SHARED), r".*\(num_kv_shared_layers is 1\), so that no token can leave"),
        (lambda: network("xlm", **PARTED), r"has 4 lists of 3 modules.*; one is wanted"),
        (lambda: Plain(rounds=2), r"has no lists of 3 modules.*, each once"),
        (shortened, r"has no lists of 2 modules, as many as its configuration has layers"),
        (lambda: network("gemma3n_text", **STREAMS), r"has layers whose states are not one vector a token"),
        (halved, r"does more to its last layer's states than modules.*a final norm, or none, is wanted"),
    ],
)
def test_models_without_exits_are_named(make: Callable[[], Any], message: str) -> None:
    with pytest.raises(InputError, match=r"^model\.path: strange " + message):
        find_layers(CausalModel(make(), "strange"))


def test_keys_and_values_of_other_layers_are_found_though_no_configuration_says_so() -> None:
    shared = CausalModel(network("gemma4_text", **SHARED), "gemma4")
    shared.network.config.num_kv_shared_layers = 0
    with pytest.raises(InputError, match=rf"gemma4 has layers that read keys.*\(layer {DEPTH} makes other states"):
        check_exits(find_layers(shared), output_head(shared))
    alone = CausalModel(network("gemma4_text", **SHARED | {"num_kv_shared_layers": 0}), "gemma4")
    check_exits(find_layers(alone), output_head(alone))


@pytest.mark.parametrize(("source", "reader"), [*combinations(range(1, 6), 2)])
def test_a_layer_that_reads_from_any_other_is_found(source: int, reader: int) -> None:
    reading = CausalModel(network("llama", num_hidden_layers=5), "llama")
    modules, kept = reading.network.model.layers, {}
    modules[source - 1].register_forward_hook(lambda _module, _args, made: kept.update(made=made))
    modules[reader - 1].register_forward_hook(lambda _module, _args, made: made + kept["made"])
    with pytest.raises(InputError, match=rf"llama has layers that read .*\(layer {reader} makes other states"):
        check_exits(find_layers(reading), output_head(reading))


def test_other_lists_of_modules_are_not_taken_for_layers() -> None:
    whole = network("llama")

    def run_all(module: nn.Module, _args: Any, made: Tensor) -> Tensor:
        return nn.Sequential(*module.steps)(made)

    whole.steps = nn.ModuleList(nn.Identity() for _ in range(DEPTH))  # that do not run
    for module, steps in [(whole.model.norm, 2), *((layer.mlp, DEPTH) for layer in whole.model.layers)]:  # that do
        module.steps = nn.ModuleList(nn.Identity() for _ in range(steps))
        module.register_forward_hook(run_all)
    found = find_layers(CausalModel(whole, "llama"))
    assert found.modules == tuple(whole.model.layers)
    assert found.tail == {"model.norm": whole.model.norm}
    assert check_exits(found, output_head(found.model)) < 1e-4


def test_the_tail_is_not_what_holds_the_layers() -> None:
    found = find_layers(CausalModel(Plain(), "plain"))
    assert list(found.tail) == ["body.norm"]
    assert check_exits(found, output_head(found.model)) < 1e-4


@pytest.mark.parametrize("norm", ["model.decoder.final_layer_norm", None])
def test_a_projection_before_the_head_is_no_norm(norm: str | None) -> None:
    projected = CausalModel(network("opt", word_embed_proj_dim=16, do_layer_norm_before=norm is not None), "opt")
    found = find_layers(projected)
    assert list(found.tail) == [*filter(None, [norm]), "model.decoder.project_out"]
    assert found.norm == norm
    assert found.seen(torch.ones(5, DIM)).shape == (5, 16)
    check_exits(found, output_head(projected))


def test_states_that_change_between_layers_are_found() -> None:
    halving = CausalModel(network("rwkv", rescale_every=2, attention_hidden_size=DIM), "rwkv")
    with pytest.raises(InputError, match="rwkv changes states between layers 2 and 3"):
        check_exits(find_layers(halving), output_head(halving))


@pytest.mark.parametrize("name", ["llama", "gpt2", "gemma2", "phi"])
def test_a_norm_that_is_left_out_is_found(name: str) -> None:
    bare = dataclasses.replace(layers(name), tail={})
    with pytest.raises(InputError, match=f"{name} makes other logits than its head of its last layer's states"):
        check_exits(bare, output_head(model(name)))
