"""Drafts at exits: rounds as a walk counts them and as transformers makes them, their cost, and bad input."""

from itertools import pairwise
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from easyhard.errors import InputError
from easyhard.policies.costs import Costs
from easyhard.policies.draft import best_draft, draft_cost, draft_rounds, expected_tokens, speed_ups

Agrees = NDArray[np.bool_]
RANDOM = np.random.default_rng(0)


def walk(agrees: Agrees, drafted: int) -> list[int]:
    """Tokens of each round of one document, one round after another."""
    start, found = 0, []
    while start < len(agrees):
        accepted = 0
        while accepted < drafted and start + accepted < len(agrees) and agrees[start + accepted]:
            accepted += 1
        found.append(min(accepted + 1, len(agrees) - start))
        start += found[-1]
    return found


@pytest.mark.parametrize("share", [0.0, 0.5, 0.9, 1.0])
def test_rounds_are_those_of_a_walk_through_each_document(share: float) -> None:
    lengths = np.array([1, 7, 255, 2, 11, 300])
    document = np.repeat([3, 9, 4, 12, 0, 5], lengths)
    agrees = RANDOM.random(len(document)) < share
    rounds, tokens = draft_rounds(agrees, document, 6)
    own = [agrees[document == number] for number in np.unique(document)]
    assert tokens.tolist() == [len(one) for one in own]
    assert rounds.tolist() == [[len(walk(one, drafted)) for drafted in range(1, 7)] for one in own]


def test_agreement_by_chance_gives_the_tokens_of_independence_and_in_runs_it_gives_fewer() -> None:
    agrees, document = RANDOM.random(200_000) < 0.7, np.repeat(np.arange(4), 50_000)
    rounds, tokens = draft_rounds(agrees, document, 5)
    assert tokens.sum() / rounds.sum(axis=0) == pytest.approx((1 - 0.7 ** np.arange(2, 7)) / 0.3, rel=0.01)
    assert expected_tokens(0.7, 5) == pytest.approx((1 - 0.7 ** np.arange(2, 7)) / 0.3)
    assert expected_tokens(1.0, 3).tolist() == [2, 3, 4]
    in_runs = best_draft(np.arange(1000) >= 300, np.zeros(1000), 0.0)  # each of 300 rounds has no draft accepted
    assert (in_runs.drafted, in_runs.tokens_a_round) == (10, 1000 / (300 + 64))
    assert in_runs.independent == pytest.approx((1 - 0.7**11) / 0.3)


def test_the_best_draft_is_as_long_as_its_cost_allows() -> None:
    agrees, document = np.tile([True, True, True, False], 50), np.zeros(200, dtype=np.int64)
    cheap, dear = (best_draft(agrees, document, share, 5) for share in (0.1, 0.8))
    assert (cheap.acceptance, cheap.drafted, cheap.tokens_a_round) == (0.75, 3, 4.0)
    assert (cheap.independent, cheap.speed_up) == pytest.approx((1 + 0.75 + 0.75**2 + 0.75**3, 4 / 1.3))
    assert (dear.drafted, dear.speed_up) == (3, pytest.approx(4 / 3.4))
    assert best_draft(~agrees, document, 0.5, 5).drafted == 1


def test_resampled_documents_have_speed_ups_of_their_own() -> None:
    document = np.repeat([0, 1], 60)
    rounds, tokens = draft_rounds(document == 1, document, 2)
    weights = np.array([[1, 2, 0], [1, 0, 2]])
    found = speed_ups(weights.T @ rounds, weights.T @ tokens, 0.25)
    assert found == pytest.approx(np.array([[120 / 90 / 1.25, 120 / 80 / 1.5], [1 / 1.25, 1 / 1.5], [2 / 1.25, 2.0]]))


def test_a_drafted_token_costs_its_layers_and_a_head_pass() -> None:
    assert draft_cost(Costs([4.0, 6.0, 10.0], [1.0, 1.0, 1.0], 20.0), 2) == 30 / 40


@pytest.mark.parametrize(("agrees", "document"), [([], []), ([True], [0, 0]), ([[True]], [[0]])])
def test_every_token_has_one_document(agrees: list[Any], document: list[Any]) -> None:
    with pytest.raises(InputError, match="agrees"):
        draft_rounds(np.array(agrees, dtype=np.bool_), np.array(document), 3)


def tiny_llama(drafted: int) -> Any:
    from transformers import (  # which load triton, before the kernels' tests can prepare it
        LlamaConfig,
        LlamaForCausalLM,
    )

    torch.manual_seed(0)
    shape = {"num_hidden_layers": 4, "hidden_size": 32, "intermediate_size": 64, "vocab_size": 64}
    model = LlamaForCausalLM(LlamaConfig(num_attention_heads=4, initializer_range=0.3, eos_token_id=None, **shape))
    model.generation_config.num_assistant_tokens = drafted  # read of the model's own settings, not of the call's
    model.generation_config.num_assistant_tokens_schedule = "constant"
    model.generation_config.assistant_confidence_threshold = 0.0
    return model.eval()


def first_choices_agree(model: Any, text: torch.Tensor, exit: int) -> Agrees:
    """(tokens,): whether the state after that layer, through final norm and head, has the last one's first choice."""
    with torch.no_grad():
        out = model(text, output_hidden_states=True)
        early = model.lm_head(model.model.norm(out.hidden_states[exit])).argmax(-1)
    return (early == out.logits.argmax(-1))[0].numpy()


@pytest.mark.parametrize(("exit", "drafted"), [(2, 1), (2, 3), (3, 10)])
def test_transformers_accepts_in_each_round_what_the_walk_does(
    exit: int, drafted: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    model, prompt, lengths = tiny_llama(drafted), torch.arange(5)[None], [5]
    monkeypatch.setattr(
        "transformers.generation.candidate_generator.EarlyExitCandidateGenerator.update_candidate_strategy",
        lambda self, ids, scores, matches: lengths.append(ids.shape[1]),
    )
    text = model.generate(prompt, do_sample=False, max_new_tokens=300, assistant_early_exit=exit)
    agrees = first_choices_agree(model, text, exit)[
        prompt.shape[1] - 1 : -1
    ]  # the row before a token is where it is said
    assert 0.1 < agrees.mean() < 0.9
    made = [after - before for before, after in pairwise(lengths)]
    assert made == walk(agrees, drafted)
    assert draft_rounds(agrees, np.zeros(len(agrees), dtype=np.int64), drafted)[0][0, -1] == len(made)
