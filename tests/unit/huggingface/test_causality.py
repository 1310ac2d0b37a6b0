"""Models that look ahead are refused, whatever they are called; those that do not are taken, in every type."""

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from easyhard.errors import InputError
from easyhard.huggingface.causality import check_causal
from easyhard.huggingface.model import CausalModel

WORDS = 99
SIZES = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 64}
GROUPED = SIZES | {"num_key_value_heads": 1}
CAUSAL: dict[str, dict[str, Any]] = {
    "gpt2": {"n_embd": 32, "n_layer": 2, "n_head": 2},
    "llama": GROUPED,
    "mistral": GROUPED | {"sliding_window": 8},
    "gemma2": GROUPED | {"head_dim": 16, "sliding_window": 8},
    "mixtral": GROUPED | {"num_local_experts": 4},
    "qwen3_moe": GROUPED | {"num_experts": 4, "num_experts_per_tok": 2, "moe_intermediate_size": 32, "head_dim": 16},
    "bloom": {"hidden_size": 32, "n_layer": 2, "n_head": 2},
    "mamba": {"hidden_size": 32, "num_hidden_layers": 2, "state_size": 8},
    "rwkv": {"hidden_size": 32, "num_hidden_layers": 2, "attention_hidden_size": 32},
    "bert": SIZES | {"is_decoder": True},
    "mamba2": {"hidden_size": 32, "num_hidden_layers": 2, "num_heads": 4, "head_dim": 16, "n_groups": 1}
    | {"state_size": 8, "chunk_size": 8},
    "recurrent_gemma": GROUPED | {"head_dim": 16, "lru_width": 32, "attention_window_size": 8},
    "gpt_oss": GROUPED | {"num_local_experts": 4, "num_experts_per_tok": 2, "head_dim": 16, "sliding_window": 8},
    "llama4_text": GROUPED
    | {"num_local_experts": 4, "head_dim": 16, "intermediate_size_mlp": 40, "attention_chunk_size": 8},
    "mpt": {"d_model": 32, "n_layers": 2, "n_heads": 2, "max_seq_len": 64},
}
AHEAD: dict[str, dict[str, Any]] = {
    "bert": SIZES,
    "roberta": SIZES,
    "electra": SIZES | {"embedding_size": 32},
    "xlm-roberta": SIZES,
    "xlm": {"emb_dim": 32, "n_layers": 2, "n_heads": 2},
    "camembert": SIZES,
    "roformer": SIZES | {"embedding_size": 32},
    "rembert": SIZES | {"input_embedding_size": 32, "output_embedding_size": 32},
    "xlnet": {"d_model": 32, "n_layer": 2, "n_head": 2, "d_inner": 40},
    "cpmant": {"hidden_size": 32, "num_attention_heads": 2, "dim_head": 16, "dim_ff": 40, "num_hidden_layers": 2}
    | {"prompt_types": 8, "prompt_length": 2, "segment_types": 8},
}


def made(name: str, dtype: torch.dtype, sizes: dict[str, Any]) -> CausalModel:
    from transformers import AutoConfig, AutoModelForCausalLM

    torch.manual_seed(0)
    reach = {} if name == "xlnet" else {"max_position_embeddings": 64}  # which reaches any length
    config = AutoConfig.for_model(name, vocab_size=WORDS, pad_token_id=0, **reach, **sizes)
    network: Any = AutoModelForCausalLM.from_config(config).to(dtype)
    return CausalModel(network.eval().requires_grad_(False), f"a {name}")


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16], ids=str)
@pytest.mark.parametrize("name", CAUSAL)
def test_causal_models_are_taken(name: str, dtype: torch.dtype) -> None:
    assert check_causal(made(name, dtype, CAUSAL[name])) < 1e-3


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16], ids=str)
@pytest.mark.parametrize("name", AHEAD)
def test_masked_models_are_refused(name: str, dtype: torch.dtype) -> None:
    with pytest.raises(InputError, match=f"a {name} looks ahead: .* a causal language model"):
        check_causal(made(name, dtype, AHEAD[name]))


def test_states_that_are_not_finite_are_named() -> None:
    model = made("llama", torch.float16, CAUSAL["llama"])

    class Loud(nn.Module):
        def forward(self, states: Tensor) -> Tensor:
            return states * 1e5

    model.network.model.norm = nn.Sequential(model.network.model.norm, Loud())
    with pytest.raises(InputError, match=r"a llama has states that are not finite as float16; .*model\.dtype"):
        check_causal(model)


@pytest.mark.parametrize("ahead", [1, 5])
def test_a_leak_of_a_single_token_is_found(ahead: int) -> None:
    model = made("llama", torch.float32, CAUSAL["llama"])

    class Peeks(nn.Module):
        def forward(self, states: Tensor) -> Tensor:
            return states + 0.01 * states.roll(-ahead, dims=1)

    model.network.model.norm = nn.Sequential(model.network.model.norm, Peeks())
    with pytest.raises(InputError, match="looks ahead"):
        check_causal(model)


def test_one_token_in_many_that_rounding_turns_is_no_leak() -> None:
    """As a mixture of experts does whose routing is nearly undecided."""
    model = made("llama", torch.float32, CAUSAL["llama"])
    calls = iter(range(100))

    class Turns(nn.Module):
        def forward(self, states: Tensor) -> Tensor:
            turned = states.clone()
            turned[next(calls) % len(states), 3] += 1
            return turned

    model.network.model.norm = nn.Sequential(model.network.model.norm, Turns())
    assert check_causal(model) < 1e-5
