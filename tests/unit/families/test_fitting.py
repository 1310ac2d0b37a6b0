"""What is fitted before a pass: on fit tokens alone, or on the states of training."""

from pathlib import Path

import numpy as np
import pytest
import torch

from easyhard.activations.store import read_columns, write_shard
from easyhard.families.fitting import fit_head, fit_moments, fit_reference_states
from easyhard.signals.store import write_columns
from easyhard.signals.tokens import FIT

ROWS, DIM, WORDS = 9_000, 5, 30
CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> tuple[list[Path], Path, torch.Tensor]:
    """States whose targets are drawn from the model at temperature 2 in the fit part, at random elsewhere."""
    folder, rng = tmp_path_factory.mktemp("fitting"), np.random.default_rng(1)
    hidden, head = rng.standard_normal((ROWS, DIM)).astype(np.float32), 2 * rng.standard_normal((WORDS, DIM))
    part = (np.arange(ROWS) // 100 % 3).astype(np.int8)
    logits = hidden @ head.T / 2.0
    drawn = (logits + rng.gumbel(size=logits.shape)).argmax(1)
    target = np.where(part == FIT, drawn, rng.integers(0, WORDS, ROWS)).astype(np.int32)
    numbers = {name: np.zeros(ROWS, np.int32) for name in ("sequence", "document", "token")}
    columns = numbers | {"target": target, "loss": np.ones(ROWS, np.float32), "hidden": hidden}
    columns |= {"position": np.zeros(ROWS, np.int16), "split": np.full(ROWS, "test")}
    shards = [folder / "0.parquet", folder / "1.parquet"]
    for shard, rows in zip(shards, (slice(0, 4_000), slice(4_000, ROWS)), strict=True):
        write_shard(shard, [{name: values[rows] for name, values in columns.items()}], DIM, {})
    write_columns(folder / "tokens.parquet", {"part": part})
    return shards, folder / "tokens.parquet", torch.tensor(head, dtype=torch.float32)


def test_the_temperature_is_that_of_the_fit_tokens(files: tuple[list[Path], Path, torch.Tensor]) -> None:
    shards, tokens, head = files
    found = fit_head(shards, tokens, head, None, CPU)
    assert (found["words"], found["dim"]) == (WORDS, DIM)
    assert found["temperature"] == pytest.approx(2.0, rel=0.1)


def test_moments_and_references_are_of_fit_states(files: tuple[list[Path], Path, torch.Tensor]) -> None:
    shards, tokens, _ = files
    hidden = read_columns(shards, ["hidden"])["hidden"].astype(np.float64)
    fit = hidden[np.arange(ROWS) // 100 % 3 == FIT]
    found = fit_moments(shards, tokens, CPU)
    np.testing.assert_allclose(found.mean.numpy(), fit.mean(0), atol=1e-9)
    np.testing.assert_allclose(found.second.numpy(), fit.T @ fit / len(fit), atol=1e-9)
    for rows, of in ((tokens, fit), (None, hidden)):
        references = fit_reference_states(shards, rows, seed=0, count=64, device=CPU)
        np.testing.assert_allclose(references.mean.numpy(), of.mean(0), atol=1e-9)
        assert references.states.shape == (64, DIM)
        known = {row.tobytes() for row in of.astype(np.float32)}
        assert all(row.tobytes() in known for row in references.states.numpy())
