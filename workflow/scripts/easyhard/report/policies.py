"""What is said of exit policies: their tables, the advice, and how sure that is."""

from math import log1p
from typing import Any

from easyhard.policies.curves import PERPLEXITIES
from easyhard.policies.guarantee import METHODS
from easyhard.report.exits import exit_title, head_pass, kind_title, last_layer, title
from easyhard.report.metrics import Figures
from easyhard.report.prose import say
from easyhard.report.tables import COLUMNS, ROWS, Column, Row, View
from easyhard.report.words import strong

SECTION, TRUE, DEPTHS = "policies", "true_exits", "policy_depths"
CURVES, GUARANTEES, DRAFT = "policy_curves", "guarantees", "draft"
FIXED, ORACLE = "fixed/", "oracle/"

AFTER = "error_after_"
"""How figures are called that say what of the error is from tokens that leave after a layer."""
LITTLE = 0.01
"""So much more perplexity in truth than simulated is little."""

POINTS = {
    "perplexity_1": "1 % more perplexity",
    "perplexity_5": "5 % more perplexity",
    "layers_25": "25 % of the layers",
    "layers_50": "50 % of the layers",
    "layers_75": "75 % of the layers",
}
"""The points of a curve, by name."""

ROLES = {
    "best": "the best of all",
    "learnt": "a predicted excess loss",
    "softmax": "softmax response",
    "patience": "patience",
    "saturation": "CALM's cosine",
}
"""Whom chosen policies stand for, the recommended one first."""

KINDS = {
    "one": "one threshold",
    "each": "a threshold an exit",
    "decaying": "a falling threshold",
    "patience": "one threshold",
    "beta": "Beta mixture",
    "learnt": "one threshold",
}

METHOD_TITLES = {
    "learn_then_test": "Learn then Test",
    "risk_control": "conformal risk control",
    "confidence_bound": "upper confidence bound",
}

ORACLES = {"agrees": "first exit that agrees", "near": "first exit with a loss at most {} nats above the last's"}


def policy_title(item: str) -> str:
    """How a policy is called: `each/translated/entropy` is entropy, translated: a threshold an exit."""
    kind, _, signal = item.partition("/")
    return f"{title(f'0/{signal}')}: {KINDS[kind]}"


def baseline_title(item: str) -> str:
    """How leaving always after one layer, or an oracle, is called."""
    what, _, name = item.partition("/")
    if f"{what}/" == FIXED:
        return f"always after layer {name}"
    oracle, _, nats = name.partition("_")
    return f"oracle: {ORACLES[oracle].format(nats)}"


def policies(figures: Figures) -> list[str]:
    """Every policy, the best on select first."""
    items = [item for item in figures.items(SECTION) if not item.startswith((FIXED, ORACLE))]
    return sorted(items, key=lambda item: -figures.number(SECTION, item, "select_over_fixed"))


def chosen(figures: Figures) -> dict[str, str]:
    """The chosen policies by role, the recommended one first."""
    found = {role: item for item in policies(figures) for role in ROLES if figures.has(SECTION, item, f"role_{role}")}
    return {role: found[role] for role in ROLES if role in found}


def baselines(figures: Figures) -> list[str]:
    """Leaving always after each layer, then the oracles."""
    return [item for item in figures.items(SECTION) if item.startswith((FIXED, ORACLE))]


def fixed_within(figures: Figures, more: float) -> str | None:
    """The cheapest layer that leaving always after costs at most `more` nats on select, the last one not counted."""
    last = f"{FIXED}{last_layer(figures)}"
    items = [item for item in baselines(figures) if item.startswith(FIXED) and item != last]
    kept = [item for item in items if -figures.number(SECTION, item, "select_excess") >= -more]
    return min(kept, key=lambda item: figures.number(SECTION, item, "compute"), default=None)


def advice(figures: Figures, point: str) -> str:
    """Where to stop: at the point that the run names, by the best policy on select, if one is worth it."""
    item = chosen(figures).get("best")
    if item is None:
        return say("no_policy", figures)
    saves = figures.get(SECTION, item, f"compute_{point}").interval
    gains = figures.get(SECTION, item, "over_fixed").interval
    facts: dict[str, Any] = {"item": item, "point": point, "title": policy_title, "point_title": POINTS[point]}
    facts["fixed"] = fixed_within(figures, log1p(PERPLEXITIES[point])) if point in PERPLEXITIES else None
    if facts["fixed"] is not None:
        without = figures.number(SECTION, facts["fixed"], "compute")
        if without <= figures.number(SECTION, item, f"compute_{point}"):
            return say("no_signal_needed", figures, baseline_title=baseline_title, **facts)
    facts |= {"saves": saves is not None and saves[1] < 1, "gains": gains is not None and gains[0] > 0}
    return say("where_to_stop", figures, baseline_title=baseline_title, **facts)


def told(figures: Figures) -> list[str]:
    """What is to be known of the policies beside the advice."""
    said = [head_pass(figures), lower_losses(figures), simulation(figures)]
    said += [guarantees(figures)] if figures.has_section(GUARANTEES) else []
    said += [drafts(figures)] if figures.has_section(DRAFT) else []
    return [sentence for sentence in said if sentence]


def lower_losses(figures: Figures) -> str:
    """At which points the chosen policies have a lower loss than the whole model; empty where none has."""
    found: list[tuple[str, str]] = []
    for item in dict.fromkeys(chosen(figures).values()):
        for point in POINTS:
            interval = figures.get(SECTION, item, f"excess_{point}").interval
            if interval and interval[1] < 0:
                found.append((item, point))
    return say("lower_losses", figures, found=found, title=policy_title, points=POINTS) if found else ""


def simulation(figures: Figures) -> str:
    """By how much the truth differs from the simulation at most; empty where no true pass was made."""
    if not figures.has_section(TRUE):
        return ""
    worst = max(figures.items(TRUE), key=lambda item: abs(figures.number(TRUE, item, "error")))
    layers = [name for name in figures.metrics(TRUE, worst) if name.startswith(AFTER)]
    most = max(layers, key=lambda name: abs(figures.number(TRUE, worst, name)), default=None)
    facts = {"title": _point_title(worst), "little": log1p(LITTLE), "most": most}
    return say("simulation", figures, worst=worst, layer=most and most.removeprefix(AFTER), **facts)


def guarantees(figures: Figures) -> str:
    """Which promises can be kept, or how many documents would do."""
    items = figures.items(GUARANTEES)
    certified = [item for item in items if figures.value(GUARANTEES, item, "certified")]
    needed = {item: own for item in items if (own := figures.get(GUARANTEES, item, "needed").value) is not None}
    least = min(needed, key=needed.__getitem__, default=None)
    return say("guarantees", figures, items=items, certified=len(certified), least=least)


def drafts(figures: Figures) -> str:
    """The exit that is fastest as a draft, if one is faster than the whole model alone."""
    best = max(figures.items(DRAFT), key=lambda item: figures.number(DRAFT, item, "speed_up"))
    return say("drafts", figures, best=best, title=exit_title(best))


def _point_title(item: str) -> str:
    policy, _, point = item.rpartition("@")
    return f"{policy_title(policy)}, {POINTS[point]}"


# The tables.


def _chosen(view: View) -> list[Row]:
    return [Row([ROLES[role], policy_title(item)], [item]) for role, item in chosen(view.figures).items()]


def _policies(view: View) -> list[Row]:
    """The best policy of every signal on select; those chosen are strong."""
    strongly, seen, rows = set(chosen(view.figures).values()), set[str](), list[Row]()
    for item in policies(view.figures):
        signal = item.partition("/")[2]
        if signal not in seen:
            seen.add(signal)
            name = policy_title(item)
            rows.append(Row([strong(name) if item in strongly else name], [item]))
    return rows


def _baselines(view: View) -> list[Row]:
    return [Row([baseline_title(item)], [item]) for item in baselines(view.figures)]


def _true_exits(view: View) -> list[Row]:
    return [Row([_point_title(item)], [item]) for item in view.figures.items(TRUE)]


def _guarantees(view: View) -> list[Row]:
    rows = []
    for item in view.figures.items(GUARANTEES):
        policy, risk, method = item.rsplit("/", 2)
        rows.append(Row([policy_title(policy), risk, f"{METHOD_TITLES[method]}, {METHODS[method]}"], [item]))
    return rows


def _drafts(view: View) -> list[Row]:
    return [Row([exit_title(item)], [item]) for item in view.figures.items(DRAFT)]


def _policy_depths(view: View) -> list[Row]:
    return [Row([kind_title(kind)], [kind]) for kind in view.figures.items(DEPTHS)]


def _depth_columns(view: View) -> list[Column]:
    leaves = [name for name in view.figures.metrics(DEPTHS, "all") if name.startswith("leaves_")]
    after = {name: f"after layer {name.rpartition('_')[2]} (%)" for name in leaves}
    shares = [Column(DEPTHS, name, heading=heading, form="percent") for name, heading in after.items()]
    return [Column(DEPTHS, "mean_depth"), *shares]


COLUMNS["depth_columns"] = _depth_columns
ROWS |= {
    "chosen_policies": _chosen,
    "policies": _policies,
    "baselines": _baselines,
    "true_exits": _true_exits,
    "guarantees": _guarantees,
    "drafts": _drafts,
    "policy_depths": _policy_depths,
}
