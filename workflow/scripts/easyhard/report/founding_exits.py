"""The founding author's exits: what each of his choices does to the perplexity, and what tells saturated tokens."""

from easyhard.report.metrics import Figures
from easyhard.report.prose import say
from easyhard.report.tables import ROWS, Row, View
from easyhard.report.words import BETTER, NULL, Label, difference_text, item_title, metric_label, standing

SECTION, SATURATION = "founding_exits", "saturation"
PUBLISHED = ("final", "accuracy", "leaving_0", "layers_saved", "block_0_held_out", "block_1_held_out", "threshold_0")
LEAVING = "all, leaving where they may"
CHANGES = (
    ("the validation text, not held-out train sequences", "all, at block 0", "block_0_held_out", "block_0"),
    ("the head has trained on with later blocks", "all, at block 0", "block_0", "block_0_later_head"),
    ("the same", "those that leave there", "block_0_leaving", "block_0_later_head_leaving"),
    ("the same", LEAVING, "final_first_head", "final"),
    ("who has left keeps its block's input, not its output", LEAVING, "final_kept_output", "final_kept_input"),
    ("tokens leave", "all", "nobody", "final"),
    ("all of it", LEAVING, "block_0_held_out", "final"),
)
"""What changes, for which tokens, and the figures before and after."""

SIGNALS = {
    "mlp": "an MLP on the state",
    "mlp_change": "an MLP on the state and its change",
    "cosine": "the cosine with the layer before",
}


def own_label(figures: Figures) -> str:
    """What this run's exits learnt: the one label that has figures."""
    items = figures.items(SECTION)
    measured = (item for item in items for name in figures.metrics(SECTION, item) if figures.has(SECTION, item, name))
    return next(measured, NULL)


def contribution(figures: Figures) -> str:
    """How much of the way from held-out train sequences to the final figure the change of text alone makes."""
    return say("change_of_text", figures, item=own_label(figures))


def saturation(figures: Figures) -> list[str]:
    """After which layers each signal's F1 is above that of calling every token saturated, by their difference."""
    items, sentences = figures.items(SATURATION), []
    for name, title in SIGNALS.items():
        stands = {item: standing(figures.get(SATURATION, item, f"f1_gain_{name}")) for item in items}
        known = [item for item, stand in stands.items() if stand]
        if known:
            better = [item_title(item) for item in known if stands[item] == BETTER]
            sentences.append(say("saturation_signal", figures, title=title, better=better, layers=len(known)))
    return sentences


def _founding_exits(view: View) -> list[Row]:
    item = own_label(view.figures)
    return [Row([metric_label(SECTION, metric).heading], [item, metric]) for metric in PUBLISHED]


def _contributions(view: View) -> list[Row]:
    """Without what was not measured, as where nobody left."""
    item, rows = own_label(view.figures), []
    for what, tokens, before, after in CHANGES:
        one, other = (view.figures.get(SECTION, item, metric).value for metric in (before, after))
        if one and other:
            given = {"difference": difference_text(Label("", digits=2), other, one), "times": f"{other / one:.3f}"}
            rows.append(Row([what, tokens], [item, before, after], given=given))
    return rows


ROWS |= {"founding_exits": _founding_exits, "contributions": _contributions}
