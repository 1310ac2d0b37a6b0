"""States of several layers of a model that was trained here, in a stream over windows."""

import numpy as np
import pytest
import torch

from easyhard.activations.layered import batches, layered_lego
from easyhard.model.lego import Lego
from easyhard.progress import Progress
from easyhard.tokens.windows import NO_TOKEN, Windows

LENGTH, LAYERS = 5, 3


@pytest.fixture(scope="module")
def model() -> Lego:
    return Lego(40, dim=8, heads=2, ffn_dim=16, blocks=[1, 2], seed=5)


@pytest.fixture(scope="module")
def windows() -> Windows:
    """Seven windows, some of whose rows foretell nothing, the fourth none at all."""
    random = np.random.default_rng(1)
    inputs, targets = random.integers(0, 40, (2, 7, LENGTH), dtype=np.int32)
    targets[0, 3:], targets[3], targets[5, 0] = NO_TOKEN, NO_TOKEN, NO_TOKEN
    other = np.zeros_like(inputs)
    return Windows(inputs, targets, other, other, np.full(7, "test"))


def collected(
    model: Lego, windows: Windows, layers: range, rows: np.ndarray | None = None, left_out: int | None = None
) -> tuple[dict[int, torch.Tensor], list[int], list[int]]:
    found = list(batches(windows, batch_size=2, progress=Progress("test", 7, "windows"), rows=rows))
    parts = [layered_lego(model).states(batch, wanted, layers, left_out) for batch, wanted, _ in found]
    states = {layer: torch.cat([part[layer] for part in parts]) for layer in layers}
    targets = [int(target) for batch, wanted, _ in found for target in batch.targets[wanted]]
    return states, targets, [int(row) for _, _, numbers in found for row in numbers]


def test_rows_and_states_are_those_of_the_model(model: Lego, windows: Windows) -> None:
    states, targets, rows = collected(model, windows, range(LAYERS + 1))
    wanted = windows.targets != NO_TOKEN
    assert targets == windows.targets[wanted].tolist()
    assert rows == list(range(int(wanted.sum())))
    with torch.no_grad():
        h = model.embedding(torch.tensor(windows.inputs).long())
        torch.testing.assert_close(states[0], h[torch.from_numpy(wanted)])
        torch.testing.assert_close(states[LAYERS], model(torch.tensor(windows.inputs).long())[torch.from_numpy(wanted)])


def test_some_rows_alone_are_the_same_rows(model: Lego, windows: Windows) -> None:
    whole, targets, _ = collected(model, windows, range(LAYERS + 1))
    chosen = np.array([0, 2, 9, 20])
    states, own, rows = collected(model, windows, range(LAYERS + 1), rows=chosen)
    assert rows == chosen.tolist()
    assert own == [targets[row] for row in chosen]
    torch.testing.assert_close(states[2], whole[2][torch.from_numpy(chosen)])


def test_a_layer_left_out_hands_on_what_it_is_given(model: Lego, windows: Windows) -> None:
    states, _, _ = collected(model, windows, range(LAYERS + 1), left_out=2)
    assert torch.equal(states[1], states[2])
    short = Lego(40, dim=8, heads=2, ffn_dim=16, blocks=[2], seed=5)
    short.load_state_dict(
        {
            name.replace("blocks.1.layers.1", "blocks.0.layers.1"): value
            for name, value in model.state_dict().items()
            if not name.startswith("blocks.1.layers.0")
        }
    )
    alone, _, _ = collected(short, windows, range(3))
    torch.testing.assert_close(states[3], alone[2])


def test_later_tokens_change_no_earlier_state(model: Lego, windows: Windows) -> None:
    changed = Windows(windows.inputs.copy(), windows.targets, windows.document, windows.sequence, windows.split)
    changed.inputs[:, 3:] = (changed.inputs[:, 3:] + 7) % 40
    before, after = (collected(model, own, range(LAYERS + 1))[0] for own in (windows, changed))
    early = torch.from_numpy(np.nonzero(windows.targets != NO_TOKEN)[1] < 3)
    for layer in range(LAYERS + 1):
        assert torch.equal(before[layer][early], after[layer][early])
        assert layer == 0 or not torch.equal(before[layer][~early], after[layer][~early])


def test_a_layer_costs_its_weights() -> None:
    founding = Lego(100, dim=64, heads=4, ffn_dim=256, blocks=[2, 2], seed=1)
    own = layered_lego(founding)
    assert own.multiply_adds == [65_536] * 4
    assert own.keys_values == [8_192] * 4
    assert own.attention == [128] * 4
