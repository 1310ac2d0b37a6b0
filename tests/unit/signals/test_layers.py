"""Signals of an exit beside the layer before it and the exits before it, against numpy and by hand."""

import numpy as np
import pytest
import torch
from torch import Tensor

from easyhard.errors import InputError
from easyhard.signals.declare import signal
from easyhard.signals.layers import exit_change_signals, layer_signals
from easyhard.signals.registry import SIGNALS, Sizes, find

TEXT = {"title": "a", "formula": "b", "source": "c"}
LAYERS = {"state_cosine", "state_change", "state_norm"}
CHANGES = {"same_argmax", "patience", "kl_before"}


def states(tokens: int, dim: int, seed: int = 0) -> Tensor:
    return torch.randn(tokens, dim, generator=torch.Generator().manual_seed(seed)) + 0.5


@pytest.mark.parametrize("dtype", [torch.float16, torch.float32])
@pytest.mark.parametrize(("tokens", "dim"), [(1, 3), (1_507, 11), (2_048, 5)])
def test_every_signal_of_the_layers_is_its_definition(tokens: int, dim: int, dtype: torch.dtype) -> None:
    before, step = states(tokens, dim).to(dtype), 0.3 * states(tokens, dim, seed=1).to(dtype)
    state = before + step
    found = layer_signals(state, before)
    h, b = state.double().numpy(), before.double().numpy()
    norm = np.linalg.norm(h, axis=1)
    truth = {
        "state_cosine": (h * b).sum(1) / norm / np.linalg.norm(b, axis=1),
        "state_change": np.linalg.norm(h - b, axis=1) / norm,
        "state_norm": norm,
    }
    assert set(found) == set(truth) == LAYERS
    for name, column in found.items():
        assert column.dtype == torch.float32
        np.testing.assert_allclose(column.numpy(), truth[name], rtol=1e-6, err_msg=name)


def test_a_state_that_a_layer_leaves_alone_and_one_that_is_nothing() -> None:
    found = layer_signals(torch.tensor([[3.0, 4.0], [0.0, 0.0]]), torch.tensor([[3.0, 4.0], [0.0, 0.0]]))
    assert found["state_cosine"].tolist() == [1, 0]
    assert found["state_change"].tolist() == [0, 0]
    assert found["state_norm"].tolist() == [5, 0]
    assert list(layer_signals(torch.tensor([[3.0, 4.0]]), None)) == ["state_norm"]


def test_same_bits_for_any_number_of_threads() -> None:
    before, threads, found = states(2_500, 11), torch.get_num_threads(), []
    for number in (1, 2):
        torch.set_num_threads(number)
        found.append(layer_signals(before + states(2_500, 11, seed=1), before))
    torch.set_num_threads(threads)
    assert all(torch.equal(found[0][name], found[1][name]) for name in LAYERS)


def test_changes_between_exits_by_hand() -> None:
    choices = [torch.tensor(words) for words in ([7, 7, 3, 3], [7, 3, 3, 4], [7, 3, 4, 4], [7, 7, 4, 3])]
    divergence = torch.tensor([0.0, 0.5, 0.25, 2.0], dtype=torch.float64)
    assert exit_change_signals(choices[:1], divergence) == {}
    counts = {2: [1, 0, 1, 0], 3: [2, 1, 0, 1], 4: [3, 0, 1, 0]}
    for exits, patience in counts.items():
        found = exit_change_signals(choices[:exits], divergence)
        assert set(found) == CHANGES
        assert all(column.dtype == torch.float32 for column in found.values())
        assert found["patience"].tolist() == patience
        assert found["same_argmax"].tolist() == [float(count > 0) for count in patience]
        assert found["kl_before"].tolist() == divergence.tolist()
    assert set(exit_change_signals(choices)) == CHANGES - {"kl_before"}


def test_what_the_registry_says_of_them() -> None:
    sizes = Sizes(dim=64, words=1_000)
    assert {name: (find(name).needs, find(name).multiply_adds(sizes)) for name in (*LAYERS, *CHANGES)} == {
        "state_cosine": ("layers", 192),
        "state_change": ("layers", 128),
        "state_norm": ("layers", 64),
        **dict.fromkeys(CHANGES, ("head", 64_000)),
    }
    high_means_hard = {name for name in (*LAYERS, *CHANGES) if find(name).high_means_easy is False}
    assert high_means_hard == {"state_change", "kl_before"}
    untrained = {entry.name for entry in SIGNALS if entry.at_exits_only and entry.function}
    assert untrained == {*LAYERS, *CHANGES, "previous_depth", "previous_depth_mean"}


@pytest.mark.usefixtures("own_registry")
def test_one_more_is_one_function() -> None:
    @signal(high_means_easy=None, multiply_adds=lambda sizes: sizes.dim, **TEXT)
    def largest_step(state: Tensor, before: Tensor) -> Tensor:
        return (state - before).abs().amax(1)

    @signal(high_means_easy=True, **TEXT)
    def as_at_first(first_choices: list[Tensor]) -> Tensor:
        return first_choices[-1] == first_choices[0]

    assert layer_signals(torch.tensor([[1.0, 5.0]]), torch.tensor([[2.0, 2.0]]))["largest_step"].tolist() == [3]
    choices = [torch.tensor([1, 2]), torch.tensor([3, 3]), torch.tensor([1, 3])]
    assert exit_change_signals(choices)["as_at_first"].tolist() == [1, 0]
    with pytest.raises(InputError, match="signal 'mine': no multiply_adds"):
        signal(name="mine", high_means_easy=True, **TEXT)(lambda state: state)
    with pytest.raises(InputError, match="signal 'mine': it reads hidden states and layers; values of one kind"):
        signal(name="mine", high_means_easy=True, **TEXT)(lambda hidden, before: hidden)
    with pytest.raises(InputError, match=r"signal 'mine': it reads after; names out of .*, state, before, "):
        signal(name="mine", high_means_easy=True, **TEXT)(lambda after: after)
