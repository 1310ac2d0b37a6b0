"""The figures: what they show, that names do not lie over each other, the same bytes each time."""

import xml.etree.ElementTree as ElementTree
from itertools import combinations
from pathlib import Path

import matplotlib as mpl
import numpy as np
import pytest
from matplotlib.figure import Figure

from easyhard.errors import InputError
from easyhard.report import figures as draw
from easyhard.report.drawing import save
from easyhard.report.metrics import Figures

from .conftest import Make, Value


def words(figure: Figure) -> str:
    """All text of a figure."""
    return "\n".join(text.get_text() for text in figure.findobj(mpl.text.Text) if text.get_text())


def test_axes_are_named_and_nothing_leaves_the_figure(make_fair: Make, make_figures: Make) -> None:
    drawn = draw.draw_all(make_fair()) | draw.draw_all(make_figures())
    assert set(drawn) == set(draw.DRAW)
    for name, figure in drawn.items():
        assert figure.get_suptitle()
        assert any(axes.get_xlabel() for axes in figure.axes)
        assert name in ("differences", "separation") or all(axes.get_ylabel() for axes in figure.axes)
        figure.draw_without_rendering()
        box, (width, height) = figure.get_tightbbox(), figure.get_size_inches()
        assert 0 <= box.x0 < box.x1 <= width, name
        assert 0 <= box.y0 < box.y1 <= height, name


def test_figures_are_saved_whole_and_the_same_each_time(make_fair: Make, make_figures: Make, tmp_path: Path) -> None:
    for drawn, figures in ((draw.pareto, make_fair()), (draw.separation, make_figures())):
        once, again = tmp_path / "once.svg", tmp_path / "again.svg"
        save(drawn(figures), once)
        with mpl.rc_context({"font.size": 30, "svg.hashsalt": "another", "axes.grid": False}):
            save(drawn(figures), again)
        for suffix in (".svg", ".png"):
            assert once.with_suffix(suffix).read_bytes() == again.with_suffix(suffix).read_bytes()
        assert ElementTree.fromstring(once.read_bytes()).tag.endswith("svg")
        assert b"<dc:date>" not in once.read_bytes()
        assert len(once.with_suffix(".png").read_bytes()) > 5_000


def test_pareto_names_the_frontier_and_the_best_of_each_class(make_fair: Make) -> None:
    figure = draw.pareto(make_fair())
    upper, lower = figure.axes
    named = {text.get_text() for text in upper.texts}
    assert named == {
        "surprisal of the current token", "exit classifier", "MLP of loss > 3", "MLP of loss > 3 with context",
        "stack of hidden and context", "stack of hidden", "entropy, weighted rank 32", "stack of head",
    }  # fmt: skip
    assert named == {text.get_text() for text in lower.texts}
    frontier = next(line for line in upper.lines if line.get_drawstyle() == "steps-post")
    assert list(frontier.get_ydata()) == [0.604, 0.655, 0.7335, 0.7461, 0.7512, 0.7512]
    figure.draw_without_rendering()
    for axes in figure.axes:
        boxes = [mpl.text.Text.get_window_extent(text) for text in axes.texts]
        assert not any(one.overlaps(other) for one, other in combinations(boxes, 2))
        assert all(box.x0 > axes.bbox.x1 for box in boxes)


def test_pareto_places_free_signals_at_the_left_edge_and_needs_costs_and_scores(make_fair: Make) -> None:
    assert "those that cost nothing at the left edge" in words(draw.pareto(make_fair()))
    free = ("position", "unigram_surprisal", "previous_loss")
    costly = make_fair({f"fair_signals/{item}/cost_share": 0.001 for item in free})
    assert "left edge" not in words(draw.pareto(costly))
    for metric in ("cost_share", "oracle_share"):
        gone = tuple(f"fair_signals/{name}/{metric}" for name in make_fair().items("fair_signals"))
        with pytest.raises(InputError, match=f"no figure fair_signals/…/{metric}"):
            draw.pareto(make_fair(without=gone))


def test_risk_coverage_has_the_best_of_each_class_the_oracle_and_chance(make_fair: Make) -> None:
    figure = draw.risk_coverage(make_fair({"fair_risk/oracle/risk_100": 6.78}))
    lines = {str(line.get_label()): line for line in figure.axes[0].lines}
    assert [name for name in lines if not name.startswith("_")] == [
        "stack of hidden (the hidden state)", "stack of hidden and context (earlier tokens too)",
        "entropy, weighted rank 32 (a low-rank head)", "stack of head (a pass over the vocabulary)",
        "oracle (loss itself)", "random: 6.78, the mean of all",
    ]  # fmt: skip
    assert len(lines["oracle (loss itself)"].get_xdata()) == 20


def test_differences_are_sorted_within_their_class(make_fair: Make) -> None:
    figure = draw.differences(make_fair())
    names = [label.get_text() for label in figure.axes[0].get_yticklabels()]
    assert names[:3] == ["stack of hidden", "MLP of loss > 3", "MLP of the entropy"]
    assert not {"stack of head", "loss itself"} & set(names)
    assert "norm of the state" not in names, "the ninth of its class on select"
    assert len(names) == 7 + 5 + 6 + 7
    assert "−0.232" in words(figure), "what is far behind is told in a number"
    assert figure.get_suptitle() == "AUROC of each signal against stack of head"


def test_differences_are_filled_where_they_are_significant(make_fair: Make) -> None:
    p: dict[str, Value] = {f"fair_differences/{name}/auroc_from_head_best_p": 0.06 for name in ("mlp_easy", "mlp_loss")}
    axes = draw.differences(make_fair(p | {"fair_differences/mlp_loss/auroc_from_head_best_p": 0.04})).axes[0]
    names = dict(zip(axes.get_yticks(), (label.get_text() for label in axes.get_yticklabels()), strict=True))
    points = [line for line in axes.lines if len(line.get_ydata()) == 1]
    faces = {names[line.get_ydata()[0]]: line.get_markerfacecolor() for line in points}
    assert (faces["MLP of loss > 3"], faces["MLP of the loss"]) == ("white", "#009E73")


def test_differences_without_a_head_are_from_the_best_of_the_class(bare_fair: Figures, make_fair: Make) -> None:
    figure = draw.differences(bare_fair)
    assert figure.get_suptitle() == "AUROC of each signal against the best of its class"
    assert [label.get_text() for label in figure.axes[0].get_yticklabels()] == ["yours"]
    items = make_fair().items("fair_differences")
    none = tuple(f"fair_differences/{item}/auroc_from_{rival}_best" for item in items for rival in ("head", "class"))
    with pytest.raises(InputError, match="the forest plot needs one"):
        draw.differences(make_fair(without=none))


def test_low_rank_shows_costs_above_ranks_and_the_metric_that_select_likes(make_fair: Make) -> None:
    figure = draw.low_rank_kinds(make_fair())
    left, middle, right = figure.axes
    assert [label.get_text() for label in left.get_xticklabels()] == ["2", "5", "10", "20", "32"]
    assert [label.get_text() for label in left.child_axes[0].get_xticklabels()] == ["3.1", "7.8", "16", "31", "50"]
    assert "exact entropy: 0.741 [0.730, 0.752]" in words(figure)
    assert len(middle.containers) == len(left.containers) == len(right.containers) == 6
    assert max(line.get_ydata()[0] for line in middle.lines if len(line.get_ydata()) == 5) > 1, "in percent"
    liked = make_fair({"fair_signals/weighted/32/max_probability/select_auroc": 0.9})
    assert "does low-rank max probability separate?" in words(draw.low_rank_kinds(liked))


def test_reliability_leaves_out_empty_bins(make_fair: Make) -> None:
    figure = draw.reliability(make_fair())
    upper, lower = figure.axes
    assert "temperature 1.13: ECE 0.80 [0.50, 1.10] %" in words(figure)
    assert [len(line.get_xdata()) for line in lower.lines] == [14, 14]
    assert sum(lower.lines[0].get_ydata()) == pytest.approx(100)
    assert upper.containers[0][0].get_ydata()[0] == pytest.approx(100 * (0.03 * 0.86 + 0.02))


def test_the_learning_curve_has_every_probe_and_the_head(make_fair: Make) -> None:
    figure = draw.learning_curve(make_fair())
    assert figure.axes[0].get_xscale() == "log"
    ticks = [label.get_text() for label in figure.axes[0].get_xticklabels()]
    assert ticks == ["17,500", "43,750", "87,500", "175,000"]
    for name in ("linear_easy", "MLP of loss > 3", "stack of head (a pass over the vocabulary): 0.744 [0.733, 0.755]"):
        assert name in words(figure)


def test_separation_shows_shares_of_the_oracle_and_keeps_own_cuts_apart(make_figures: Make) -> None:
    upper, lower = draw.separation(make_figures({"separation/margin/loss_diff": 3.655})).axes
    assert "50.0 %" in [text.get_text() for text in upper.texts]
    assert "MLP-2 classifier" in [label.get_text() for label in lower.get_yticklabels()]
    assert "margin" not in [label.get_text() for label in lower.get_yticklabels()]
    assert "calls 9 % easy" in [text.get_text() for text in lower.texts]
    assert "– %" in words(draw.separation(make_figures({"separation/oracle/loss_diff": None})))


def test_founding_figures_bear_null_values(make_figures: Make) -> None:
    nulls = ("low_rank/plain/5/margin_pearson", "low_rank/plain/5/oracle_share", "classification/mlp2/loss_diff")
    nulls += ("classification/mlp2/loss_diff_median", "separation/max_minus_mean/oracle_share")
    changed: dict[str, Value] = dict.fromkeys(nulls)
    assert "MLP-2 classifier" not in words(draw.separation(make_figures(changed)))
    assert draw.drawable(make_figures(changed)) == ["separation", "low_rank"]
    left, right = draw.plain_low_rank(make_figures(changed)).axes
    assert [label.get_text() for label in left.get_xticklabels()] == ["1", "2", "5", "10", "20", "32", "64"]
    assert np.isnan(right.lines[0].get_ydata()[2]), "null values leave gaps"
