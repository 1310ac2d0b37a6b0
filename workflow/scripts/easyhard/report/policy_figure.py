"""The figure of exit policies: what is lost against what is spent, for the chosen ones, fixed layers and oracles."""

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from easyhard.report import drawing as draw
from easyhard.report.drawing import BLUE, GREEN, GREY, INK, ORANGE, PURPLE, VERMILLION
from easyhard.report.metrics import Figures
from easyhard.report.policies import CURVES, FIXED, ROLES, SECTION, baselines, chosen, policy_title

COLOURS = {"best": VERMILLION, "learnt": GREEN, "softmax": BLUE, "patience": PURPLE, "saturation": ORANGE}
COUNTS = {"compute": "everything counted", "alone_compute": "layers alone counted"}


@draw.styled
def draw_policies(figures: Figures) -> Figure:
    """Loss above the whole model's against compute, with bands; of the best policy also leaving at random."""
    figure = draw.canvas(9.6, 5.6, "What is lost by stopping early, and what is spent?")
    for axes, (compute, words) in zip(figure.subplots(1, 2, sharey=True), COUNTS.items(), strict=True):
        _curves(axes, figures, compute)
        _marks(axes, figures, compute)
        axes.axhline(0, color=INK, linewidth=0.8)
        axes.axvline(100, color=GREY, linestyle=":", label="the whole model")
        axes.set(xlabel="compute (% of the whole model's)", ylabel="loss above the whole model's (nats)", title=words)
    return draw.legend_below(figure, figure.axes[0])


def _curves(axes: Axes, figures: Figures, compute: str) -> None:
    drawn = set[str]()
    for role, item in chosen(figures).items():
        if item in drawn:
            continue
        drawn.add(item)
        points = [place for place in figures.items(CURVES) if place.startswith(f"{item}@")]
        spent, lost = (figures.column(CURVES, points, name) for name in (compute, "excess"))
        across = 100 * draw.values_of(spent)
        values, (below, above) = draw.values_of(lost), draw.reaches(lost)
        axes.plot(across, values, color=COLOURS[role], label=f"{ROLES[role]}: {policy_title(item)}")
        axes.fill_between(across, values - below, values + above, color=COLOURS[role], alpha=0.2, linewidth=0)
        if role == "best":
            chance = draw.values_of(figures.column(CURVES, points, "random"))
            layers = 100 * draw.values_of(figures.column(CURVES, points, f"random_{compute}"))
            axes.plot(layers, chance, color=GREY, linestyle="--", label="at random, as many an exit as the best")


def _marks(axes: Axes, figures: Figures, compute: str) -> None:
    items = baselines(figures)
    for fixed, look, words in ((True, "o", "always after one layer"), (False, "*", "oracles, out of reach")):
        own = [item for item in items if item.startswith(FIXED) == fixed]
        across = 100 * draw.values_of(figures.column(SECTION, own, compute))
        lost = draw.values_of(figures.column(SECTION, own, "excess"))
        axes.plot(across, lost, look, color=INK, markerfacecolor="white", label=words)
