"""Training learns, stops early, restores the best weights, and goes on after a kill to the same result."""

import copy
import math
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from easyhard.errors import InputError
from easyhard.model import training
from easyhard.model.checkpoint import load_checkpoint, save_checkpoint
from easyhard.model.curve import Epoch, best_epoch
from easyhard.model.lego import Lego
from easyhard.model.training import Sequences, mean_loss, train, training_loss

SETTINGS = {
    **{"learning_rate": 0.02, "gradient_clip": 1.0, "max_epochs": 3, "patience": 2},
    **{"exits": "last", "exit_weights": None, "reduction": "sum"},
}
VOCABULARY = 23


def chain(sequences: int, seed: int) -> Sequences:
    """Text of a Markov chain: the next word is the last one plus 1 or 2, so the best loss is log 2."""
    generator = torch.Generator().manual_seed(seed)
    steps = torch.randint(1, 3, (sequences, 13), generator=generator).cumsum(1) % VOCABULARY
    return Sequences(steps[:, :-1].contiguous(), steps[:, 1:].contiguous())


@pytest.fixture(autouse=True, scope="module")
def one_thread() -> Iterator[None]:
    """Threads that wait for each other take most of the time of so small a model."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def fit(checkpoint: Path, **changes: float) -> tuple[Lego, list[Epoch]]:
    model = Lego(VOCABULARY, dim=16, heads=2, ffn_dim=32, blocks=[1], seed=3)
    others = {"settings": SETTINGS | changes, "batch_size": 8, "seed": 3, "identity": "a"}
    return model, train(model, chain(64, 1), chain(16, 2), checkpoint=checkpoint, **others)


def test_it_learns_the_chain(tmp_path: Path) -> None:
    model, curve = fit(tmp_path / "c.pt", max_epochs=12)
    reached = mean_loss(model, chain(50, 9), 10)
    assert math.log(2) - 0.02 < reached < math.log(2) + 0.25
    assert curve[0].validation_loss > curve[-1].validation_loss


def test_mean_loss_is_pytorchs() -> None:
    model, data = Lego(VOCABULARY, dim=16, heads=2, ffn_dim=32, blocks=[1], seed=3), chain(10, 5)
    logits = model(data.inputs).double() @ model.head.double().T
    expected = torch.nn.functional.cross_entropy(logits.flatten(0, 1), data.targets.flatten()).item()
    assert mean_loss(model, data, 4) == pytest.approx(expected, abs=1e-5)


def test_a_killed_training_goes_on_to_the_same_result(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole, whole_curve = fit(tmp_path / "whole.pt")

    class KilledError(Exception):
        pass

    def kill_in_third_epoch(path: Path, identity: str, state: dict[str, list[object]]) -> None:
        save_checkpoint(path, identity, state)
        if len(state["curve"]) == 2:
            raise KilledError

    with monkeypatch.context() as patch:
        patch.setattr(training, "save_checkpoint", kill_in_third_epoch)
        with pytest.raises(KilledError):
            fit(tmp_path / "killed.pt")
    for checkpoint in ("killed.pt", "whole.pt"):  # the latter was killed at its end
        resumed, curve = fit(tmp_path / checkpoint)
        assert [(point.train_loss, point.validation_loss) for point in curve] == [
            (point.train_loss, point.validation_loss) for point in whole_curve
        ]
        for name, value in whole.state_dict().items():
            assert torch.equal(value, resumed.state_dict()[name]), name


def test_best_weights_are_restored_and_training_stops_early(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    losses = iter([3.0, 2.0, 2.5, 2.6, 1.0])
    states: list[torch.Tensor] = []

    def fake(model: Lego, data: Sequences, batch_size: int) -> float:
        states.append(model.head.detach().clone())
        return next(losses)

    monkeypatch.setattr(training, "mean_loss", fake)
    model, curve = fit(tmp_path / "c.pt", max_epochs=50)
    assert [point.epoch for point in curve] == [1, 2, 3, 4]
    assert best_epoch(curve).epoch == 2
    assert torch.equal(model.head, states[1])


def test_divergence_is_one_clear_error(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"training.learning_rate 1e\+30.*not finite.*wanted"):
        fit(tmp_path / "c.pt", learning_rate=1e30)


def test_a_checkpoint_of_another_kind_is_left_unused(tmp_path: Path) -> None:
    path = tmp_path / "c.pt"
    save_checkpoint(path, "a", {"curve": [1]})
    assert load_checkpoint(path, "a") == {"curve": [1]}
    assert load_checkpoint(path, "other") is None
    for content in (path.read_bytes()[:100], b"not a checkpoint"):
        path.write_bytes(content)
        assert load_checkpoint(path, "a") is None


@pytest.mark.parametrize("reduction", ["sum", "mean"])
@pytest.mark.parametrize("weights", [None, [0.25, 3.0]])
def test_the_joint_loss_is_the_weighted_sum_over_exits(weights: list[float] | None, reduction: str) -> None:
    model, data = Lego(VOCABULARY, dim=16, heads=2, ffn_dim=32, blocks=[1, 2], seed=3), chain(7, 5)
    settings = SETTINGS | {"exits": "joint", "exit_weights": weights, "reduction": reduction}
    training_loss(model, data.inputs, data.targets, settings).backward()
    ours = {name: own.grad.double() for name, own in model.named_parameters() if own.grad is not None}
    plain = copy.deepcopy(model).double()
    plain.zero_grad()
    first = plain.layer_states(data.inputs)[1]
    total = sum(
        weight
        * torch.nn.functional.cross_entropy(
            (hidden @ plain.head.T).flatten(0, 1), data.targets.flatten(), reduction=reduction
        )
        for weight, hidden in zip(weights or [1.0, 1.0], [first, plain(data.inputs)], strict=True)
    )
    total.backward()
    wanted = {name: own.grad for name, own in plain.named_parameters() if own.grad is not None}
    assert ours.keys() == wanted.keys()
    for name, gradient in wanted.items():
        torch.testing.assert_close(ours[name], gradient, rtol=1e-4, atol=1e-5 * float(gradient.abs().max()))
