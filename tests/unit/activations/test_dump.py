"""Shards part the sequences without gap or overlap, and a dump in shards is the dump in one."""

import numpy as np
import pytest
import torch

from easyhard.activations.dump import activations, shard_bounds
from easyhard.model.lego import Lego
from easyhard.progress import Progress


@pytest.mark.parametrize(("rows", "shards"), [(10, 1), (10, 3), (3, 5), (2048, 7)])
def test_shards_part_the_rows(rows: int, shards: int) -> None:
    bounds = shard_bounds(rows, shards)
    assert len(bounds) == shards
    assert [row for first, end in bounds for row in range(first, end)] == list(range(rows))
    sizes = [end - first for first, end in bounds]
    assert max(sizes) - min(sizes) <= 1


def test_losses_and_states_are_the_models() -> None:
    model = Lego(40, dim=8, heads=2, ffn_dim=16, block_layers=[1], seed=5)
    tokens = torch.randint(40, (11, 6))
    inputs, targets = tokens[:, :-1], tokens[:, 1:]
    documents = np.arange(55, dtype=np.int32).reshape(11, 5)
    parts = []
    for first, end in shard_bounds(11, 2):
        part = slice(first, end)
        progress = Progress("dump", end - first, "sequences")
        parts += activations(
            model,
            inputs[part],
            targets[part],
            documents[part],
            split="train",
            first_sequence=first,
            batch_size=4,
            progress=progress,
        )
    whole = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
    with torch.no_grad():
        hidden = model(inputs)
    logits = hidden.double() @ model.head.double().T
    loss = torch.nn.functional.cross_entropy(logits.flatten(0, 1), targets.flatten(), reduction="none")
    np.testing.assert_allclose(whole["hidden"], hidden.flatten(0, 1).numpy(), rtol=0, atol=1e-6)
    np.testing.assert_allclose(whole["loss"], loss.detach().numpy(), rtol=0, atol=1e-5)
    np.testing.assert_array_equal(whole["sequence"], np.arange(11).repeat(5))
    np.testing.assert_array_equal(whole["position"], np.tile(np.arange(5), 11))
    np.testing.assert_array_equal(whole["document"], documents.ravel())
    np.testing.assert_array_equal(whole["target"], targets.flatten().numpy())
