"""The figures: drawn from arrays or the table, saved as SVG and PNG, the same bytes each time."""

import xml.etree.ElementTree as ElementTree
from collections.abc import Callable
from pathlib import Path

import matplotlib as mpl
import numpy as np
import pytest
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from easyhard.errors import InputError
from easyhard.report import figures as draw
from easyhard.report.metrics import Figures
from easyhard.report.style import save

Make = Callable[..., Figures]
TOKENS = 400


def arrays() -> dict[str, np.ndarray]:
    """Losses and signals of a few tokens."""
    random = np.random.default_rng(3)
    loss = random.gamma(2.0, 3.0, TOKENS)
    return {"loss": loss, "max_probability": np.exp(-loss / 3), "entropy": loss / 2 + random.normal(size=TOKENS)}


def every_figure(figures: Figures) -> dict[str, Figure]:
    """Each figure once."""
    columns = arrays()
    loss = columns.pop("loss")
    grid = np.linspace(0, 20, 50)
    density = np.exp(-((grid - 5) ** 2) / 10) / np.sqrt(10 * np.pi)
    return {
        "training_curve": draw.training_curve([900.0, 500.0, 300.0], [700.0, 600.0, 650.0]),
        "loss_histogram": draw.loss_histogram(loss, loss > 10, grid, density, [5.0]),
        "signals_against_loss": draw.signals_against_loss(loss, columns),
        "separation": draw.separation(figures),
        "low_rank": draw.low_rank(figures),
        "regression": draw.regression(loss, {"linear": loss / 2, "mlp2": np.full(TOKENS, 6.0)}),
    }


def saved(folder: Path, name: str, figure: Figure) -> tuple[bytes, bytes]:
    """The bytes of a figure's SVG and PNG."""
    svg, png = folder / f"{name}.svg", folder / f"{name}.png"
    save(figure, svg, png)
    return svg.read_bytes(), png.read_bytes()


def words(figure: Figure) -> str:
    """All text of a figure."""
    texts = [text.get_text() for text in figure.findobj(mpl.text.Text)]
    return "\n".join(text for text in texts if text)


def test_figures_are_saved_whole_and_the_same_each_time(make_figures: Make, tmp_path: Path) -> None:
    table = make_figures()
    first = {name: saved(tmp_path, name, figure) for name, figure in every_figure(table).items()}
    with mpl.rc_context({"font.size": 30, "svg.hashsalt": "another", "axes.grid": False}):
        second = {name: saved(tmp_path, name, figure) for name, figure in every_figure(table).items()}
    assert first == second
    for svg, png in first.values():
        assert ElementTree.fromstring(svg).tag.endswith("svg")
        assert png.startswith(b"\x89PNG")
        assert len(png) > 5_000
        assert b"<dc:date>" not in svg


def test_every_axis_is_named(make_figures: Make) -> None:
    for figure in every_figure(make_figures()).values():
        visible = [axes for axes in figure.axes if axes.get_visible()]
        assert any(axes.get_xlabel() for axes in visible)
        assert figure.get_suptitle()


def test_the_best_epoch_is_marked() -> None:
    assert "best: 600.0\nat epoch 2" in words(draw.training_curve([900.0, 500.0, 300.0], [700.0, 600.0, 650.0]))
    assert "best: 650.0\nat epoch 3" in words(draw.training_curve([900.0, 500.0, 300.0], [700.0, 660.0, 650.0]))


def test_a_training_curve_needs_epochs_of_both_splits() -> None:
    with pytest.raises(InputError, match="0 training and 0 validation epochs"):
        draw.training_curve([], [])
    with pytest.raises(InputError, match="1 training and 2 validation epochs"):
        draw.training_curve([1.0], [1.0, 2.0])


def test_unseen_shares_are_those_of_each_bin() -> None:
    loss = np.repeat([1.0, 9.0], 100)
    unseen = np.zeros(200, dtype=bool)
    unseen[100:130] = True
    figure = draw.loss_histogram(loss, unseen, np.array([0.0, 10.0]), np.array([0.1, 0.1]), [])
    heights = [patch.get_height() for patch in figure.axes[1].patches if isinstance(patch, Rectangle)]
    assert heights == pytest.approx([0.0, 30.0])


def test_separation_shows_shares_of_the_oracle_and_keeps_own_cuts_apart(make_figures: Make) -> None:
    figure = draw.separation(make_figures({("separation", "margin", "loss_diff"): 3.655}))
    upper, lower = figure.axes
    assert "50.0 %" in [text.get_text() for text in upper.texts]
    names = [label.get_text() for label in lower.get_yticklabels()]
    assert "margin" not in names
    assert "MLP-2 classifier" in names
    assert "calls 9 % easy" in [text.get_text() for text in lower.texts]


def test_separation_needs_an_oracle(make_figures: Make) -> None:
    for value in (None, 0.0):
        with pytest.raises(InputError, match="separation/oracle/loss_diff"):
            draw.separation(make_figures({("separation", "oracle", "loss_diff"): value}))


def test_figures_bear_null_values(make_figures: Make) -> None:
    nulls = {
        ("low_rank", "plain/5", "margin_pearson"): None,
        ("low_rank", "plain/5", "oracle_share"): None,
        ("classification", "mlp2", "loss_diff"): None,
        ("classification", "mlp2", "loss_diff_median"): None,
        ("separation", "max_minus_mean", "oracle_share"): None,
    }
    table = make_figures(nulls)
    assert "MLP-2 classifier" not in words(draw.separation(table))
    assert draw.low_rank(table).axes


def test_low_rank_shows_its_ranks(make_figures: Make) -> None:
    left, right = draw.low_rank(make_figures()).axes
    for axes in (left, right):
        assert [label.get_text() for label in axes.get_xticklabels()] == ["1", "2", "5", "10", "20", "32", "64"]
    assert [line.get_label() for line in left.lines][:4] == ["max probability", "max logit", "max − mean", "margin"]


def test_panels_print_r_and_a_dash_for_a_constant() -> None:
    columns = arrays()
    loss = columns.pop("loss")
    text = words(draw.signals_against_loss(loss, columns))
    assert f"r = {np.corrcoef(columns['entropy'], loss)[0, 1]:.3f}" in text
    assert "MLP-2, r = –" in words(draw.regression(loss, {"mlp2": np.full(TOKENS, 6.0)}))
