"""The figures drawn token by token."""

import numpy as np
import pytest
from matplotlib.patches import Rectangle

from easyhard.evaluation.density import Density
from easyhard.report import token_figures as draw

from .test_figures import words

TOKENS = 400
LOSS = np.random.default_rng(3).gamma(2.0, 3.0, TOKENS)


@pytest.mark.parametrize(("validation", "best"), [([700.0, 600.0, 650.0], "600.0\nat epoch 2"), ([9, 8, 7], "7.0\nat")])
def test_the_best_epoch_is_marked(validation: list[float], best: str) -> None:
    assert f"best: {best}" in words(draw.training_curve([900.0, 500.0, 300.0], validation))


def test_unseen_shares_are_those_of_each_bin() -> None:
    loss, unseen = np.repeat([1.0, 9.0], 100), np.zeros(200, dtype=bool)
    unseen[100:130] = True
    flat = Density(np.array([0.0, 10.0]), np.array([0.1, 0.1]), np.array([5.0]), np.array([]), 0.3)
    figure = draw.loss_histogram(loss, unseen, flat)
    heights = [patch.get_height() for patch in figure.axes[1].patches if isinstance(patch, Rectangle)]
    assert heights == pytest.approx([0.0, 30.0])
    assert "5.0" in [text.get_text() for text in figure.axes[0].texts]


def test_signals_have_a_panel_each_with_its_r() -> None:
    entropy = LOSS / 2 + np.random.default_rng(4).normal(size=TOKENS)
    figure = draw.signals_against_loss(LOSS, {"max_probability": np.exp(-LOSS / 3), "entropy": entropy})
    assert [axes.get_title(loc="left") for axes in figure.axes] == ["max probability", "entropy"]
    assert f"r = {np.corrcoef(entropy, LOSS)[0, 1]:.3f}" in words(figure)
    assert figure.axes[1].get_xlabel().endswith("(nats)")


def test_predictions_are_judged_on_their_own_test_tokens() -> None:
    tested = np.where(np.arange(TOKENS) < 100, LOSS / 2, np.nan)
    constant = np.where(np.arange(TOKENS) < 100, 6.0, np.nan)
    figure = draw.regression(LOSS, {"regression/linear": tested, "regression/mlp2": constant})
    assert "linear, r = 1.000" in words(figure)
    assert "MLP-2, r = –" in words(figure)
