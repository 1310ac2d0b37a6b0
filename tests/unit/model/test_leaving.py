"""Tokens that leave after a block: ten of them worked out by hand, what others become, and what training leaves."""

import math
from pathlib import Path

import pytest
import torch

from easyhard.errors import InputError
from easyhard.model.blockwise import NO_TARGET, next_sequences, train_blocks
from easyhard.model.leaving import Exit, fit_classifier, repack, run_leaving
from easyhard.model.lego import Lego, Stage
from easyhard.model.training import Sequences, mean_loss
from test_training import SETTINGS, VOCABULARY, chain

OWN = {
    **{"learning_rates": [0.02, 0.01], "held_out": 0.25, "label": "loss", "hard_ratio": 0.5, "kept": "input"},
    **{"repacked": True, "classifier": {"learning_rate": 0.01, "epochs": 3}},
}


def lego(exit_heads: str = "shared", blocks: tuple[int, ...] = (1, 1)) -> Lego:
    return Lego(VOCABULARY, dim=16, heads=2, ffn_dim=32, blocks=blocks, seed=3, exit_heads=exit_heads)  # type: ignore[arg-type]


def two_of_five() -> Sequences:
    """Ten tokens in two sequences."""
    return chain(2, 7).__class__(chain(2, 7).inputs[:, :5].contiguous(), chain(2, 7).targets[:, :5].contiguous())


def loss_by_hand(states: torch.Tensor, head: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
    log_p = (states.double() @ head.detach().double().T).log_softmax(-1)
    return -log_p.gather(-1, targets[..., None])[..., 0]


@pytest.mark.parametrize("kept", ["input", "output"])
def test_ten_tokens_leave_as_by_hand(kept: str) -> None:
    model, data = lego(), two_of_five()
    with torch.no_grad():
        embedded = model.embedding(data.inputs)
        after = Stage(model, 0)(data.inputs)
    weight = torch.linspace(-1, 1, 16)
    sure = torch.sigmoid(after @ weight + 0.1)
    threshold = float(sure.flatten().sort().values[6])  # four of the ten reach it
    found = run_leaving(model, [Exit(threshold, (weight, torch.tensor(0.1)))], data, kept, batch_size=1)
    leaves = sure >= threshold
    assert int(leaves.sum()) == 4
    assert torch.equal(found.block, (~leaves).long())
    with torch.no_grad():
        state = torch.where(leaves[..., None], embedded if kept == "input" else after, after)
        last = Stage(model, 1)(state)
    expected = torch.where(
        leaves, loss_by_hand(after, model.head, data.targets), loss_by_hand(last, model.head, data.targets)
    )
    torch.testing.assert_close(found.loss.double(), expected, atol=1e-5, rtol=1e-5)
    first = torch.where(leaves, (after @ model.head.T).argmax(-1), (last @ model.head.T).argmax(-1))
    assert torch.equal(found.right, first == data.targets)


def test_in_a_third_block_a_token_that_left_after_the_first_keeps_its_state() -> None:
    model, data = lego(blocks=(1, 1, 1)), two_of_five()
    weight, none = torch.linspace(-1, 1, 16), torch.tensor(0.0)
    with torch.no_grad():
        embedded, first = model.embedding(data.inputs), Stage(model, 0)(data.inputs)
        left = torch.sigmoid(first @ weight) >= 0.5
        second = Stage(model, 1)(torch.where(left[..., None], embedded, first))
        last = Stage(model, 2)(torch.where(left[..., None], embedded, second))
    found = run_leaving(model, [Exit(0.5, (weight, none)), Exit(2.0, (weight, none))], data, "input", batch_size=2)
    assert 0 < int(left.sum()) < 10
    again = run_leaving(model, [Exit(0.5, (weight, none)), Exit(0.0, (weight, none))], data, "input", batch_size=2)
    assert torch.equal(again.block, torch.where(left, 0, 1))  # nobody leaves twice
    assert torch.equal(found.block, torch.where(left, 0, 2))
    torch.testing.assert_close(
        found.loss[~left].double(), loss_by_hand(last, model.head, data.targets)[~left], atol=1e-5, rtol=1e-5
    )


def test_without_exits_it_is_the_model_itself_and_with_open_ones_the_first_block() -> None:
    model, data = lego(), chain(6, 4)
    nobody = run_leaving(model, [None], data, "input", batch_size=4)
    assert nobody.loss.double().mean().item() == pytest.approx(mean_loss(model, data, 3), abs=1e-6)
    everybody = run_leaving(model, [Exit(0.0, None)], data, "input", batch_size=4)
    assert int(everybody.block.sum()) == 0
    assert everybody.loss.double().mean().item() == pytest.approx(mean_loss(Stage(model, 0), data, 3), abs=1e-6)  # type: ignore[arg-type]


def test_hard_tokens_are_repacked_in_their_order_and_a_remainder_is_dropped() -> None:
    states = torch.arange(20.0).view(2, 5, 2)
    targets = torch.arange(10).view(2, 5)
    hard = torch.tensor([[True, False, True, True, False], [False, True, True, False, True]])
    packed = repack(states, targets, hard)
    assert packed.targets.tolist() == [[0, 2, 3, 6, 7]]  # the sixth, 9, fills no second sequence
    assert packed.inputs[0, 3].tolist() == states[1, 1].tolist()
    with pytest.raises(InputError, match="4 hard tokens fill no sequence of 5"):
        repack(states, targets, hard & (targets < 7))


def test_a_classifier_learns_what_a_state_says() -> None:
    generator = torch.Generator().manual_seed(1)
    states = torch.randn(200, 5, 4, generator=generator)
    label = torch.sigmoid(2 * states[..., 1] - states[..., 3])
    left = torch.rand(label.shape, generator=generator) < 0.3
    settings = {"learning_rate": 0.05, "epochs": 40, "batch_size": 16}
    weight, bias = fit_classifier(states, label.masked_fill(left, 9.0), ~left, settings, seed=2)
    torch.testing.assert_close(weight, torch.tensor([0.0, 2.0, 0.0, -1.0]), atol=0.02, rtol=0)
    assert float(bias) == pytest.approx(0, abs=0.02)


def train_text() -> Sequences:
    """Sequences of the chain from all its words on: of the same beginning there are few, which would leave together."""
    data, first = chain(64, 1), torch.arange(64)[:, None]
    return Sequences((data.inputs + first) % VOCABULARY, (data.targets + first) % VOCABULARY)


def trained(
    tmp_path: Path, exit_heads: str = "shared", blocks: tuple[int, ...] = (1, 1), **changes: object
) -> tuple[Lego, dict[str, float], list[Exit]]:
    model = lego(exit_heads, blocks)
    curve, found = train_blocks(
        model,
        train_text(),
        chain(16, 2),
        settings=SETTINGS | {"exits": "blocks", "blocks": OWN | changes},
        batch_size=8,
        seed=3,
        checkpoint=tmp_path / "checkpoint.pt",
        identity="a",
    )
    assert [point.epoch for point in curve] == list(range(1, len(curve) + 1))
    assert found["label"] == (OWN | changes)["label"]
    exits = [
        Exit(own["threshold"], own["classifier"] and tuple(map(torch.tensor, own["classifier"])))
        for own in found["exits"]
    ]
    return model, found["figures"], exits


@pytest.mark.parametrize("label", ["loss", "distill", "softmax"])
def test_half_the_train_tokens_are_hard_and_figures_are_those_of_the_weights(tmp_path: Path, label: str) -> None:
    model, figures, (own,) = trained(tmp_path, label=label)
    assert (own.classifier is None) == (label == "softmax")
    assert figures["threshold_0"] == own.threshold
    on_train = run_leaving(model, [own], train_text(), "input", batch_size=8)
    drifted = label == "softmax"  # the head has trained on, and with it the confidence
    assert float((on_train.block == 1).double().mean()) == pytest.approx(0.5, abs=0.2 if drifted else 0.01)
    found = run_leaving(model, [own], chain(16, 2), "input", batch_size=8)
    assert figures["final"] == pytest.approx(math.exp(found.loss.double().mean()), rel=1e-6)
    assert figures["final"] == figures["final_kept_input"] != figures["final_kept_output"]
    assert figures["accuracy"] == found.right.double().mean()
    leaving = float((found.block == 0).double().mean())
    assert figures["leaving_0"] == leaving
    assert figures["leaving_0"] + figures["leaving_1"] == pytest.approx(1)
    assert figures["layers_saved"] == pytest.approx(leaving / 2)
    assert figures["nobody"] == pytest.approx(math.exp(mean_loss(model, chain(16, 2), 8)), rel=1e-6)
    later = figures["block_0_later_head"]
    assert later == pytest.approx(math.exp(mean_loss(Stage(model, 0), chain(16, 2), 8)), rel=1e-6)
    assert figures["block_0"] != later
    parts = leaving * math.log(figures["block_0_leaving"]) + (1 - leaving) * math.log(figures["block_0_staying"])
    assert math.exp(parts) == pytest.approx(figures["block_0"], rel=1e-6)
    parts = leaving * math.log(figures["block_0_leaving"]) + (1 - leaving) * math.log(figures["last_staying"])
    assert figures["final_first_head"] == pytest.approx(math.exp(parts), rel=1e-6)


@pytest.mark.parametrize("label", ["loss", "distill"])
@pytest.mark.parametrize("kept", ["input", "output"])
def test_in_whole_sequences_a_later_exit_is_fitted_on_those_that_reach_it(
    tmp_path: Path, label: str, kept: str
) -> None:
    """Half leave at each exit of those that reach it, on the very states that training had."""
    model, _, exits = trained(
        tmp_path, blocks=(1,) * 4, label=label, kept=kept, repacked=False, learning_rates=[0.02, 0.01, 0.01, 0.01]
    )
    found = run_leaving(model, exits, train_text(), kept, batch_size=8)
    shares = [float((found.block == block).double().mean()) for block in range(4)]
    assert shares == pytest.approx([0.5, 0.25, 0.125, 0.125], abs=0.01)


def test_a_head_of_its_own_does_not_drift(tmp_path: Path) -> None:
    model, figures, _ = trained(tmp_path, "own")
    assert figures["block_0"] == figures["block_0_later_head"]
    assert not torch.equal(model.head_of(0), model.head_of(1))


def test_whole_sequences_have_no_loss_of_easy_tokens(tmp_path: Path) -> None:
    _, packed, _ = trained(tmp_path / "a")
    _, whole, _ = trained(tmp_path / "b", repacked=False)
    assert packed["block_0_held_out"] == whole["block_0_held_out"]
    assert packed["block_1_held_out"] != whole["block_1_held_out"]
    stage, data = Stage(lego(), 0), chain(6, 4)
    hard = torch.arange(data.targets.numel()).view(data.targets.shape) % 3 == 0
    before, after = torch.zeros(6, 12, 2), torch.ones(6, 12, 2)
    for kept, easy_state in (("input", 0), ("output", 1)):
        gone = torch.zeros_like(hard)
        gone[:, :2] = True  # in an earlier block, whose state it keeps
        targets, still = data.targets.masked_fill(gone, NO_TARGET), hard & ~gone
        following = next_sequences(OWN | {"repacked": False, "kept": kept}, before, after, targets, hard)
        assert torch.equal(following.targets, torch.where(still, data.targets, NO_TARGET))
        assert torch.equal(following.inputs[..., 0], torch.where(still, 1.0, easy_state * (~gone).float()))
    masked = Sequences(data.inputs, data.targets.masked_fill(~hard, NO_TARGET))
    wanted = loss_by_hand(stage(data.inputs).detach(), stage.head, data.targets)[hard].mean()
    assert mean_loss(stage, masked, 2) == pytest.approx(float(wanted), abs=1e-5)


def test_a_hard_ratio_that_leaves_no_sequence_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"training.blocks.hard_ratio: \d hard tokens fill no sequence of 12"):
        trained(tmp_path, hard_ratio=0.005)


def test_too_few_sequences_to_hold_some_out_are_named(tmp_path: Path) -> None:
    wanted = r"training.blocks.held_out: 0.25 of the 1 sequences of block 1 is 0; some to train on"
    with pytest.raises(InputError, match=wanted):
        trained(tmp_path, hard_ratio=0.02)


def test_killed_between_blocks_it_goes_on_to_the_same_figures(tmp_path: Path) -> None:
    _, whole, _ = trained(tmp_path)
    (tmp_path / "checkpoint.pt.1").unlink()
    _, again, _ = trained(tmp_path)
    assert again == whole
