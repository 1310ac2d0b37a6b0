"""The fair figures: what they show, that names do not lie over each other, what a run without a head has."""

from collections.abc import Callable
from itertools import combinations
from pathlib import Path

import matplotlib as mpl
import numpy as np
import pytest
from matplotlib.figure import Figure

from easyhard.errors import InputError
from easyhard.report.fair_drawing import curve, reaches
from easyhard.report.fair_figures import DRAW, fair_figures
from easyhard.report.fair_names import figure_names
from easyhard.report.metrics import Figure as Estimate
from easyhard.report.metrics import Figures
from easyhard.report.style import save

Make = Callable[..., Figures]


def words(figure: Figure) -> str:
    """All text of a figure."""
    return "\n".join(text.get_text() for text in figure.findobj(mpl.text.Text) if text.get_text())


def test_every_kind_of_run_gets_the_figures_that_are_named_for_it(make_fair: Make, bare_fair: Figures) -> None:
    assert set(fair_figures(make_fair())) == set(figure_names("trained")) == set(DRAW)
    assert set(fair_figures(bare_fair)) == set(figure_names("signals"))


def test_axes_are_named_and_nothing_leaves_the_figure(make_fair: Make) -> None:
    for name, figure in fair_figures(make_fair()).items():
        assert figure.get_suptitle()
        assert all(axes.get_ylabel() for axes in figure.axes if name != "differences")
        figure.draw_without_rendering()
        drawn, (width, height) = figure.get_tightbbox(), figure.get_size_inches()
        assert 0 <= drawn.x0 < drawn.x1 <= width, name
        assert 0 <= drawn.y0 < drawn.y1 <= height, name


def test_a_figure_is_the_same_each_time(make_fair: Make, tmp_path: Path) -> None:
    table = make_fair()
    once, again = tmp_path / "once.png", tmp_path / "again.png"
    save(DRAW["pareto"](table), tmp_path / "once.svg", once)
    with mpl.rc_context({"font.size": 30, "axes.grid": False}):
        save(DRAW["pareto"](table), tmp_path / "again.svg", again)
    assert once.read_bytes() == again.read_bytes()
    assert (tmp_path / "once.svg").read_bytes() == (tmp_path / "again.svg").read_bytes()


def test_pareto_names_the_frontier_and_the_best_of_each_class(make_fair: Make) -> None:
    upper, lower = DRAW["pareto"](make_fair()).axes
    named = {text.get_text() for text in upper.texts}
    assert named == {
        "surprisal of the current token", "exit classifier", "MLP of loss > 3", "MLP of loss > 3 with context",
        "stack of hidden and context", "stack of hidden", "entropy, weighted rank 32", "stack of head",
    }  # fmt: skip
    assert named == {text.get_text() for text in lower.texts}
    frontier = next(line for line in upper.lines if line.get_drawstyle() == "steps-post")
    assert frontier.get_ydata().tolist() == [0.604, 0.655, 0.7335, 0.7461, 0.7512, 0.7512]


def test_names_on_the_pareto_figure_do_not_meet(make_fair: Make) -> None:
    figure = DRAW["pareto"](make_fair())
    figure.draw_without_rendering()
    for axes in figure.axes:
        boxes = [mpl.text.Text.get_window_extent(text) for text in axes.texts]
        assert len(boxes) == 8
        assert not any(one.overlaps(other) for one, other in combinations(boxes, 2))
        places = np.array([line.get_xydata()[0] for line in axes.lines if line.get_linestyle() == "None"])
        points = axes.transData.transform(places)
        assert not any(box.contains(*point) for box in boxes for point in points)


def test_pareto_places_free_signals_at_the_left_edge(make_fair: Make) -> None:
    figure = DRAW["pareto"](make_fair())
    assert "those that cost nothing at the left edge" in words(figure)
    free = ("position", "unigram_surprisal", "previous_loss")
    costly = {("fair_signals", item, "cost_share"): (0.001, None, None) for item in free}
    assert "left edge" not in words(DRAW["pareto"](make_fair(costly)))


def test_pareto_needs_costs_and_scores(make_fair: Make) -> None:
    names = make_fair().items("fair_signals")
    with pytest.raises(InputError, match="cost_share above 0"):
        DRAW["pareto"](make_fair(without=tuple(f"fair_signals/{name}/cost_share" for name in names)))
    with pytest.raises(InputError, match="fair_signals/…/oracle_share"):
        DRAW["pareto"](make_fair(without=tuple(f"fair_signals/{name}/oracle_share" for name in names)))


def test_risk_coverage_has_the_best_of_each_class_the_oracle_and_chance(make_fair: Make) -> None:
    figure = DRAW["risk_coverage"](make_fair({("fair_risk", "oracle", "risk_100"): (6.78, None, None)}))
    lines = {str(line.get_label()): line for line in figure.axes[0].lines}
    assert [name for name in lines if not name.startswith("_")] == [
        "stack of hidden (the hidden state)", "stack of hidden and context (earlier tokens too)",
        "entropy, weighted rank 32 (a low-rank head)", "stack of head (a pass over the vocabulary)",
        "oracle (loss itself)", "random: 6.78, the mean of all",
    ]  # fmt: skip
    assert len(lines["oracle (loss itself)"].get_xdata()) == 20
    with pytest.raises(InputError, match="no figure fair_risk/stack_hidden/risk_05"):
        DRAW["risk_coverage"](make_fair(without=("fair_risk/stack_hidden/risk_05",)))


def test_differences_are_sorted_within_their_class(make_fair: Make) -> None:
    figure = DRAW["differences"](make_fair())
    axes = figure.axes[0]
    names = [label.get_text() for label in axes.get_yticklabels()]
    assert names[:3] == ["stack of hidden", "MLP of loss > 3", "MLP of the entropy"]
    assert "stack of head" not in names
    assert "loss itself" not in names
    assert "norm of the state" not in names, "the ninth of its class on select"
    assert len(names) == 7 + 5 + 6 + 7
    assert "−0.232" in words(figure), "what is far behind is told in a number"
    assert figure.get_suptitle() == "AUROC of each signal against stack of head"


def test_differences_are_filled_where_they_are_significant(make_fair: Make) -> None:
    def faces(figures: Figures) -> dict[str, str]:
        axes = DRAW["differences"](figures).axes[0]
        names = {
            place: label.get_text() for place, label in zip(axes.get_yticks(), axes.get_yticklabels(), strict=True)
        }
        points = [line for line in axes.lines if len(line.get_ydata()) == 1]
        return {names[line.get_ydata()[0]]: line.get_markerfacecolor() for line in points}

    p = ("fair_differences", "mlp_easy", "auroc_from_head_best_p")
    assert faces(make_fair({p: (0.04, None, None)}))["MLP of loss > 3"] != "white"
    assert faces(make_fair({p: (0.06, None, None)}))["MLP of loss > 3"] == "white"


def test_differences_without_a_head_are_from_the_best_of_the_class(bare_fair: Figures, make_fair: Make) -> None:
    figure = DRAW["differences"](bare_fair)
    assert figure.get_suptitle() == "AUROC of each signal against the best of its class"
    assert [label.get_text() for label in figure.axes[0].get_yticklabels()] == ["yours"]
    none = tuple(f"fair_differences/{name}/auroc_from_head_best" for name in make_fair().items("fair_differences"))
    none += tuple(name.replace("head_best", "class_best") for name in none)
    with pytest.raises(InputError, match="the forest plot needs one"):
        DRAW["differences"](make_fair(without=none))


def test_low_rank_shows_costs_above_ranks_and_the_metric_that_select_likes(make_fair: Make) -> None:
    figure = DRAW["low_rank_fair"](make_fair())
    left, middle, right = figure.axes
    assert [label.get_text() for label in left.get_xticklabels()] == ["2", "5", "10", "20", "32"]
    above = left.child_axes[0]
    assert [label.get_text() for label in above.get_xticklabels()] == ["3.1", "7.8", "16", "31", "50"]
    assert right.get_title(loc="left") == "does low-rank entropy separate?"
    assert "exact entropy: 0.741 [0.730, 0.752]" in words(figure)
    assert len(middle.containers) == len(left.containers) == len(right.containers) == 6
    liked = {("fair_signals", "weighted/32/max_probability", "select_auroc"): (0.9, None, None)}
    assert "does low-rank max probability separate?" in words(DRAW["low_rank_fair"](make_fair(liked)))
    gone = tuple(f"fair_low_rank/plain/{rank}/argmax_kept" for rank in (2, 5, 10, 20, 32))
    with pytest.raises(InputError, match=r"fair_low_rank/plain/2.*argmax_kept"):
        DRAW["low_rank_fair"](make_fair(without=gone))


def test_reliability_leaves_out_empty_bins(make_fair: Make) -> None:
    figure = DRAW["reliability"](make_fair())
    upper, lower = figure.axes
    assert "temperature 1.13: ECE 0.80 [0.50, 1.10] %" in words(figure)
    assert [len(line.get_xdata()) for line in lower.lines] == [14, 14]
    assert sum(lower.lines[0].get_ydata()) == pytest.approx(100)
    assert upper.containers[0][0].get_ydata()[0] == pytest.approx(100 * (0.03 * 0.86 + 0.02))


def test_the_learning_curve_has_every_probe_and_the_head(make_fair: Make) -> None:
    figure = DRAW["learning_curve"](make_fair())
    axes = figure.axes[0]
    assert axes.get_xscale() == "log"
    assert [label.get_text() for label in axes.get_xticklabels()] == ["17,500", "43,750", "87,500", "175,000"]
    for name in ("linear_easy", "MLP of loss > 3", "stack of head (a pass over the vocabulary): 0.744 [0.733, 0.755]"):
        assert name in words(figure)
    gone = tuple(f"fair_learning/linear_easy/{part}/auroc" for part in (0.1, 0.25, 0.5, 1))
    with pytest.raises(InputError, match=r"no figure fair_learning/linear_easy/0\.1.*auroc"):
        DRAW["learning_curve"](make_fair(without=gone))


def test_null_values_leave_gaps() -> None:
    figure = Figure()
    axes = figure.subplots()
    empty, full = Estimate(None, None, None, None, None, None), Estimate(2.0, 1.0, 2.5, None, None, None)
    curve(axes, [1, 2], [empty, full], scale=10)
    assert np.isnan(axes.lines[0].get_ydata()[0])
    assert axes.lines[0].get_ydata()[1] == 20
    assert reaches([empty, full]).tolist() == [[0.0, 1.0], [0.0, 0.5]]
