"""A dump has the model's losses and states of every row that foretells a token, whatever the batches and shards."""

import numpy as np
import pytest
import torch

from easyhard.activations.dump import dump, run_lego
from easyhard.activations.store import Columns
from easyhard.model.lego import Lego
from easyhard.progress import Progress
from easyhard.tokens.windows import NO_TOKEN, Windows, shard_evenly


@pytest.fixture
def model() -> Lego:
    return Lego(40, dim=8, heads=2, ffn_dim=16, blocks=[1], seed=5)


@pytest.fixture
def windows() -> Windows:
    """Eleven windows of five rows, the last four of another split; some end early, and one foretells nothing."""
    tokens = np.random.default_rng(0).integers(2, 40, (11, 6)).astype(np.int32)
    targets = tokens[:, 1:].copy()
    targets[2, 3:] = targets[9, 1:] = targets[5] = NO_TOKEN
    document = np.arange(55, dtype=np.int32).reshape(11, 5)
    sequence = np.arange(11, dtype=np.int32).repeat(5).reshape(11, 5) + 20
    return Windows(tokens[:, :-1], targets, document, sequence, np.array(["validation"] * 7 + ["test"] * 4))


def dumped(windows: Windows, model: Lego, batch_size: int) -> list[Columns]:
    progress = Progress("dump", len(windows), "sequences")
    return list(dump(windows, run_lego(model), batch_size=batch_size, progress=progress))


def whole(parts: list[Columns]) -> Columns:
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


def test_losses_and_states_are_the_models(windows: Windows, model: Lego) -> None:
    found = whole([part for shard in shard_evenly(11, 2) for part in dumped(windows[shard], model, 4)])
    with torch.no_grad():
        hidden = model(torch.from_numpy(windows.inputs).long())
    logits = (hidden.double() @ model.head.double().T).flatten(0, 1).detach()
    real = windows.targets != NO_TOKEN
    targets = torch.from_numpy(windows.targets.clip(min=0)).long().flatten()
    loss = torch.nn.functional.cross_entropy(logits, targets, reduction="none").numpy().reshape(11, 5)
    np.testing.assert_allclose(found["hidden"], hidden.numpy()[real], rtol=0, atol=1e-6)
    np.testing.assert_allclose(found["loss"], loss[real], rtol=0, atol=1e-5)
    for name, values in (("sequence", windows.sequence), ("document", windows.document), ("target", windows.targets)):
        np.testing.assert_array_equal(found[name], values[real])
    np.testing.assert_array_equal(found["token"], windows.inputs[real])
    np.testing.assert_array_equal(found["position"], np.tile(np.arange(5), (11, 1))[real])
    np.testing.assert_array_equal(found["split"], np.tile(windows.split[:, None], 5)[real])
    assert found["position"].dtype == np.int16
    assert dumped(windows[3:3], model, 4) == []  # a shard without windows


@pytest.mark.parametrize("batch_size", [1, 3, 100])
def test_batches_hold_one_split_and_change_nothing(windows: Windows, model: Lego, batch_size: int) -> None:
    parts = dumped(windows, model, batch_size)
    assert all(len(set(part["split"])) == 1 for part in parts)
    assert max(len(set(part["sequence"])) for part in parts) <= batch_size
    reference = whole(dumped(windows, model, 4))
    for name, values in whole(parts).items():
        same = values == reference[name] if values.dtype.kind != "f" else np.isclose(values, reference[name], atol=1e-6)
        assert same.all(), name
