"""The answer of a run: which signal to use, what less cost buys, where to stop; and the tables behind it."""

from easyhard.report import policies
from easyhard.report.exits import CHANCE
from easyhard.report.items import main_label
from easyhard.report.metrics import Figures
from easyhard.report.prose import say
from easyhard.report.tables import COLUMNS, ROWS, Column, Row, View, columns_of
from easyhard.report.words import SIGNIFICANT, percent, signal_title

SECTION = "advice"
OTHER_LABELS = ("argmax_wrong",)
"""What may be asked beside the main label, and has advice of its own."""

FEWER = 2
"""So many cheaper signals are named."""


def answer(figures: Figures, point: str) -> list[str]:
    """At most five sentences; `point` is the run's point of its exit policies, as `perplexity_1`."""
    label = main_label(figures)
    said = [advised(figures, label), compared(figures, label), cheaper(figures)]
    said += [advised(figures, other) for other in OTHER_LABELS if flagged(figures, f"best_{other}")]
    said += [policies.advice(figures, point)] if figures.has_section(policies.SECTION) else []
    return [sentence for sentence in said if sentence]


def flagged(figures: Figures, flag: str) -> str | None:
    """The signal that has a flag of the section `advice`; None of none."""
    items = figures.items(SECTION) if figures.has_section(SECTION) else []
    return next((item for item in items if figures.get(SECTION, item, flag).value == 1), None)


def recommended(figures: Figures, label: str) -> str | None:
    """The signal to use for a label; None where none is worth using."""
    return flagged(figures, f"recommended_{label}")


def budgets(figures: Figures) -> dict[float, str]:
    """The best signal within each budget, by its share of the whole model, the smallest first."""
    items = figures.items(SECTION) if figures.has_section(SECTION) else []
    flags = ((name, item) for item in items for name in figures.metrics(SECTION, item) if name.startswith("budget_"))
    return dict(sorted((float(name.removeprefix("budget_")), item) for name, item in flags))


def advised(figures: Figures, label: str) -> str:
    """Which signal to use for a label, or that none is worth it."""
    item, best = recommended(figures, label), flagged(figures, f"best_{label}")
    return say("advised" if item else "not_advised", figures, label=label, item=item or best)


def compared(figures: Figures, label: str) -> str:
    """How the recommended signal stands to the best on select and to the next cheaper one; empty without one."""
    item, best = recommended(figures, label), flagged(figures, f"best_{label}")
    if item is None or best is None:
        return ""
    tested = [name for name in figures.items(SECTION) if figures.has(SECTION, name, f"from_best_{label}")]
    tested.sort(key=lambda name: figures.number("fair_signals", name, "multiply_adds"))
    failed = next((name for name in tested if not passed(figures, name, label)), None)
    return say("compared", figures, label=label, item=item, best=best, failed=failed)


def passed(figures: Figures, item: str, label: str) -> bool:
    """Whether a cheaper signal is shown to be not worse than the best by more than the margin."""
    p = figures.get(SECTION, item, f"not_worse_p_{label}").value
    return p is not None and p < SIGNIFICANT


def cheaper(figures: Figures) -> str:
    """What the smaller budgets buy beside the recommended signal, the dearest first; empty where nothing."""
    chosen = recommended(figures, main_label(figures))
    cost = float("inf") if chosen is None else figures.number("fair_signals", chosen, "multiply_adds")
    found = [
        item
        for item in dict.fromkeys(reversed(budgets(figures).values()))
        if figures.number("fair_signals", item, "multiply_adds") < cost and beats_chance(figures, item)
    ]
    return say("cheaper", figures, items=found[:FEWER]) if found else ""


def beats_chance(figures: Figures, item: str) -> bool:
    """Whether the interval of the AUROC of the main label lies above chance."""
    interval = figures.get("fair_signals", item, f"auroc_{main_label(figures)}").interval
    return interval is not None and interval[0] > CHANCE


def _budgets(view: View) -> list[Row]:
    """A row a budget, smallest first."""
    rows = []
    for share, item in budgets(view.figures).items():
        told = signal_title(item) + ("" if beats_chance(view.figures, item) else " (not told from guessing)")
        rows.append(Row([f"{percent(share)} %", told], [item]))
    return rows


def _signal_columns(view: View) -> list[Column]:
    """What a signal is worth and what it costs."""
    return [
        *columns_of("fair_signals", "auroc_{label} oracle_share", dropped=True),
        *columns_of("fair_signals", "model_share cost_share", form="share", dropped=True),
    ]


ROWS["budgets"] = _budgets
COLUMNS["signal_columns"] = _signal_columns
