"""What is said of the exits of a model: rows of their tables, which signal is best at each, and the sentences."""

from collections.abc import Sequence
from typing import Any, NamedTuple

from easyhard.evaluation.exit_names import exit_name
from easyhard.report.metrics import Figure, Figures
from easyhard.report.prose import say
from easyhard.report.tables import GUESS, ROWS, Row, View
from easyhard.report.words import OWN, signal_title, standing, strong

SECTION, SIGNALS, MODEL, GUESSING = "exits", "exit_signals", "model", "exit_chance"
CHANCE = 0.5
CLASSES = {
    "layers": "states up to this layer",
    "probes": "a probe on these states",
    "context": "earlier tokens too",
    "low_rank": "a low-rank head",
    "head": "a pass over the vocabulary",
    OWN: "brought along",
}
"""What the signals of each cost class need at an exit, the cheapest first."""

LABELS = {
    "stays": "its first choice is the last layer's, here and at every later exit",
    "agrees": "its first choice is the last layer's",
    "near": "its loss is at most a little above the last layer's",
    "right": "its first choice is the target",
    "fails": "its first choice is wrong where the whole model's is right",
}
"""What one may want to know of a token at an exit, the most telling first."""

TRAITS = {"frequency_": "target seen in training: ", "position_": "position: "}


class Best(NamedTuple):
    """The best signal of a cost class at an exit, as chosen on select."""

    needs: str
    item: str


def exit_items(figures: Figures) -> list[str]:
    """The exits, `2` or `2/translated`, by head and layer, the last layer's own among them."""
    return [item for item in figures.items(SECTION) if "agreement" in figures.metrics(SECTION, item)]


def last_layer(figures: Figures) -> int:
    """How many layers the model has."""
    return max(exit_name(item).layer for item in exit_items(figures))


def early_exits(figures: Figures) -> list[str]:
    """The exits before the last layer."""
    last = last_layer(figures)
    return [item for item in exit_items(figures) if exit_name(item).layer < last]


def exit_title(item: str) -> str:
    """How an exit is called: `2`, or `2 (translated)`."""
    layer, _, head = item.partition("/")
    return f"{layer} ({head.replace('_', ' ')})" if head else layer


def title(item: str) -> str:
    """How a signal at an exit is called: as elsewhere, and through which head it is read if not through the model's."""
    _, head, name = exit_name(item)
    return f"{signal_title(name)}{', ' * bool(head)}{head.replace('_', ' ')}"


def known_labels(figures: Figures) -> list[str]:
    """The labels that signals were measured against at one exit at least."""
    known = signals_at(figures)
    every = [item for own in known.values() for item in own]
    return [label for label in LABELS if any(figures.has(SIGNALS, item, f"auroc_{label}") for item in every)]


def signals_at(figures: Figures) -> dict[str, list[str]]:
    """The signals of each exit that has some: they belong to that of the head that they read, where it is an exit's."""
    known, found = exit_items(figures), dict[str, list[str]]()
    for item in figures.items(SIGNALS) if figures.has_section(SIGNALS) else []:
        layer, head, _ = exit_name(item)
        found.setdefault(f"{layer}/{head}" if f"{layer}/{head}" in known else str(layer), []).append(item)
    return {item: found[item] for item in known if item in found}


def bests(figures: Figures, signals: Sequence[str], label: str) -> list[Best]:
    """The best signal of each cost class at an exit, by AUROC on select; none where the label has one kind only."""
    found: dict[str, str] = {}
    for item in signals:
        if figures.has(SIGNALS, item, f"auroc_{label}"):
            needs = next((name for name in CLASSES if figures.has(SIGNALS, item, f"class_{name}")), OWN)
            found[needs] = max(found.get(needs, item), item, key=lambda name: _on_select(figures, name, label))
    return [Best(needs, found[needs]) for needs in CLASSES if needs in found]


def best_of(figures: Figures, found: Sequence[Best], label: str) -> str | None:
    """The best of several signals on select; None of none."""
    return max((best.item for best in found), key=lambda item: _on_select(figures, item, label), default=None)


def affordable(figures: Figures, signals: Sequence[str]) -> list[str]:
    """Those that are known to cost less than the layers that a token spares by leaving at their exit."""
    last, costs = last_layer(figures), {item: figures.get(SIGNALS, item, "layers").value for item in signals}
    return [item for item, cost in costs.items() if cost is not None and cost < last - exit_name(item).layer]


def beats_chance(figure: Figure) -> bool:
    """Whether the interval of an AUROC lies above chance."""
    return figure.interval is not None and figure.interval[0] > CHANCE


# The tables.


def _exits(view: View) -> list[Row]:
    return [Row([exit_title(item)], [item]) for item in exit_items(view.figures)]


def _left_out(view: View) -> list[Row]:
    """The whole model, then each layer."""
    items = [item for item in view.figures.items(SECTION) if view.figures.has(SECTION, item, "left_out_perplexity")]
    layers = sorted((item for item in items if item != MODEL), key=int)
    return [Row(["none"], [MODEL]), *(Row([layer], [layer]) for layer in layers)]


def _exit_signals(view: View) -> list[Row]:
    """At each exit the best signal of each class, the best of all strong, and what random numbers get; where there is
    none, the exit alone."""
    rows = []
    for own, signals in signals_at(view.figures).items():
        found = bests(view.figures, signals, view.about)
        best = best_of(view.figures, found, view.about)
        for needs, item in found or [Best("", "")]:
            name = strong(title(item)) if item == best else title(item) if item else "none measured: one kind only"
            rows.append(Row([exit_title(own), CLASSES.get(needs, ""), name], [item, view.about, own]))
        if view.figures.has(GUESSING, own, f"auroc_{view.about}"):
            lead = [exit_title(own), "", GUESS]
            rows.append(Row(lead, [item, view.about, own], place=(GUESSING, own)))
    return rows


def _depths(view: View) -> list[Row]:
    return [Row([kind_title(item)], [item]) for item in depth_items(view.figures)]


ROWS |= {
    "exits": _exits,
    "left_out": _left_out,
    "exit_signals": _exit_signals,
    "depths": _depths,
}


def depth_items(figures: Figures) -> list[str]:
    """The kinds of tokens whose depth is known, all tokens first."""
    return [item for item in figures.items(SECTION) if item.startswith("depth/")]


def kind_title(item: str) -> str:
    """How a kind of tokens is called: `depth/frequency_2_10` is target seen in training: 2–10."""
    kind = item.removeprefix("depth/")
    for start, words in TRAITS.items():
        if kind.startswith(start):
            return words + kind.removeprefix(start).replace("over_", "over ").replace("_", "–")
    return f"current token: {kind}" if kind != "all" else "all"


# The sentences.


def head_pass(figures: Figures) -> str:
    """How many layers a pass over the vocabulary is worth, and what that means for a signal that needs one."""
    first = exit_name(early_exits(figures)[0]).layer
    return say("head_pass", figures, layers=last_layer(figures), spared=last_layer(figures) - first)


def outcomes(figures: Figures) -> list[str]:
    """What the exits are worth: the first and the last but one, those better than the last, and settled tokens."""
    early = early_exits(figures)
    told = dict.fromkeys([early[0], [item for item in early if "/" not in item][-1]])
    sentences = [say("exit_outcome", figures, item=item, title=exit_title(item)) for item in told]
    better = [item for item in early if standing(figures.get(SECTION, item, "mean_excess"), True) == "better"]
    if better:
        sentences.append(say("better_exits", figures, items=better, title=exit_title))
    stands: dict[str, list[str]] = {"lower": [], "higher": [], "level": []}  # by intervals that lie apart
    for item in early:
        settled, others = (figures.get(SECTION, item, f"mean_loss_{name}").interval for name in ("stays", "other"))
        if settled and others:
            stand = "lower" if settled[1] < others[0] else "higher" if settled[0] > others[1] else "level"
            stands[stand].append(exit_title(item))
    sentences.append(say("settled", figures, **stands))
    return [sentence for sentence in sentences if sentence]


def left_out(figures: Figures) -> str:
    """Which layer is needed most and least, and whether block influence says so too; empty where none was left out."""
    layers = [row.key[0] for row in _left_out(View(figures))[1:]]
    if len(layers) < 2:
        return ""
    excess, influence = (
        {layer: figures.number(SECTION, layer, metric) for layer in layers}
        for metric in ("left_out_excess", "influence")
    )
    return say(
        "layers_left_out",
        figures,
        most=max(layers, key=excess.__getitem__),
        least=min(layers, key=excess.__getitem__),
        influence=min(layers, key=influence.__getitem__),
    )


def recommendations(figures: Figures, label: str) -> list[str]:
    """For each exit the signal to use, if one that costs less than what it may spare is better than chance."""
    sentences = []
    for own, signals in signals_at(figures).items():
        item, best = (
            best_of(figures, bests(figures, own_signals, label), label)
            for own_signals in (affordable(figures, signals), signals)
        )
        facts: dict[str, Any] = {"exit_title": exit_title(own), "label": label}
        if best is None:
            sentences.append(say("one_kind", figures, item=own, **facts))
            continue
        useful, dear = (name and beats_chance(figures.get(SIGNALS, name, f"auroc_{label}")) for name in (item, best))
        facts |= {"signal_title": title, "item": item, "dear": best if dear and best != item else None}
        sentences.append(say("exit_signal" if useful else "no_exit_signal", figures, **facts))
    return sentences


def depths(figures: Figures) -> str:
    """After how many layers tokens are settled, and which kinds soonest and latest."""
    known = [item for item in depth_items(figures) if figures.get(SECTION, item, "mean_depth").interval]
    kinds = sorted(
        (item for item in known if item != "depth/all"), key=lambda one: figures.number(SECTION, one, "mean_depth")
    )
    return say("depths", figures, layers=last_layer(figures), kinds=kinds, title=kind_title)


def _on_select(figures: Figures, item: str, label: str) -> float:
    return figures.number(SIGNALS, item, f"select_auroc_{label}")
