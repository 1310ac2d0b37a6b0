"""The chart of the exits: what leaving after each layer costs in quality, and how well it is told which tokens may."""

import altair as alt
import polars as pl

from easyhard.evaluation.exit_names import LENS, TRANSLATED
from easyhard.report.chart import Chart, bounds
from easyhard.report.charts import by_class, level
from easyhard.report.exits import CHANCE, CLASSES, SECTION, SIGNALS, bests, exit_items, signals_at, title
from easyhard.report.look import BLUE, ORANGE, VERMILLION
from easyhard.report.metrics import Figures
from easyhard.report.words import estimate_text, metric_label

HEADS = {LENS: "the model's head", TRANSLATED: "translated states", "own": "a head an exit"}
OUTCOMES = {"mean_loss": "mean loss (nats)", "agreement": "agrees with the last layer (%)"}
LABELS = {"stays": "AUROC: settled?", "agrees": "AUROC: agrees?"}
PANEL = 290


def exits(figures: Figures) -> Chart:
    """By exit: mean loss, tokens that agree with the last layer, and AUROC of the best signals of each class."""
    outcomes, signals = _outcomes(figures), _best_signals(figures)
    panels = [_outcome(outcomes, what) for what in OUTCOMES.values()]
    measured = set(signals["what"]) if signals.height else set()
    panels += [_signals(signals, what) for what in LABELS.values() if what in measured]
    made = alt.concat(*panels, columns=2).resolve_scale(color="independent", shape="independent")
    return Chart(
        "exits",
        "What is lost by leaving early, and can it be told which tokens may?",
        "By exit: the mean loss, and the share of first choices that are the last layer's; below, how well the best "
        "signal of each class tells that a token may leave (0.5 is guessing).",
        made,
        pl.concat([outcomes, signals], how="diagonal_relaxed"),
    )


def _outcomes(figures: Figures) -> pl.DataFrame:
    rows = []
    for metric, what in OUTCOMES.items():
        items = [item for item in exit_items(figures) if item.partition("/")[2] in HEADS]
        label = metric_label(SECTION, metric)
        for item, figure in zip(items, figures.column(SECTION, items, metric), strict=True):
            layer, _, head = item.partition("/")
            row = {"what": what, "layer": int(layer), "head": HEADS[head], "told": estimate_text(label, figure)}
            rows.append(row | bounds(figure, label.scale))
    return pl.DataFrame(rows, infer_schema_length=None)


def _best_signals(figures: Figures) -> pl.DataFrame:
    """The best signal of each cost class at the exits of the model's own head, another one at each maybe."""
    rows = []
    for label, what in LABELS.items():
        for exit, own in signals_at(figures).items():
            for best in bests(figures, own, label) if exit.isdigit() else ():
                figure = figures.get(SIGNALS, best.item, f"auroc_{label}")
                row = {"what": what, "layer": int(exit), "signal": title(best.item), "needs": CLASSES[best.needs]}
                rows.append(row | {"told": estimate_text(metric_label("", "auroc"), figure)} | bounds(figure))
    return pl.DataFrame(rows, infer_schema_length=None)


def _outcome(table: pl.DataFrame, what: str) -> alt.LayerChart | alt.FacetChart:
    own = table.filter(pl.col("what") == what)
    scale = alt.Scale(domain=list(HEADS.values()), range=[BLUE, ORANGE, VERMILLION])
    colour = alt.Color("head:N", scale=scale, legend=alt.Legend(title=None, values=_present(own, "head")))
    base = alt.Chart(own).encode(x=_across(own), color=colour)
    up = alt.Y("value:Q", title=what, scale=alt.Scale(zero=False))
    told = ["layer:O", "head:N", alt.Tooltip("told:N", title=what)]
    marks = [base.mark_line().encode(y=up), base.mark_rule().encode(y="low:Q", y2="high:Q")]
    return alt.layer(*marks, base.mark_point().encode(y=up, tooltip=told)).properties(width=PANEL, height=190)


def _signals(table: pl.DataFrame, what: str) -> alt.LayerChart | alt.FacetChart:
    own = table.filter(pl.col("what") == what)
    colour, shape = by_class(own["needs"], CLASSES, columns=2)
    base = alt.Chart(own).encode(x=_across(own), color=colour)
    up = alt.Y("value:Q", title=what, scale=alt.Scale(zero=False))
    told = ["layer:O", "signal:N", "needs:N", alt.Tooltip("told:N", title="AUROC")]
    marks = [base.mark_line(opacity=0.6).encode(y=up), base.mark_rule().encode(y="low:Q", y2="high:Q")]
    marks += [base.mark_point().encode(y=up, shape=shape, tooltip=told)]
    return alt.layer(*level("guessing", CHANCE), *marks).properties(width=PANEL, height=190)


def _across(table: pl.DataFrame) -> alt.X:
    layers = sorted(table["layer"].unique())
    return alt.X("layer:Q", title="exit after layer", axis=alt.Axis(values=layers, format="d"))


def _present(table: pl.DataFrame, column: str) -> list[str]:
    return table[column].unique(maintain_order=True).to_list()
