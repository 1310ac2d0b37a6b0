"""Where each token may stop: what exit policies save and lose on test documents, beside baselines and oracles."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any, Final

import numpy as np

from easyhard.evaluation.columns import Column, Mask, Rows
from easyhard.evaluation.exit_names import LENS, exit_item
from easyhard.evaluation.exits import Head, Totals, token_kinds
from easyhard.evaluation.guarantees import draft_rows, guarantee_rows
from easyhard.evaluation.resampling import Estimate, draw_resamples, estimate_row, make_clusters, p_value
from easyhard.evaluation.rows import Row, make_rows
from easyhard.evaluation.run import Run
from easyhard.evaluation.trials import ALONE, BEST, FULL, Part, Trials, Tried, roles, try_all
from easyhard.policies.curves import Curve
from easyhard.policies.policy import Policy
from easyhard.signals.exit_labels import excess_loss
from easyhard.signals.store import read_columns

SECTION: Final = "policies"
CURVES, DIFFERENCES, DEPTHS, TRUE = "policy_curves", "policy_differences", "policy_depths", "true_exits"
COUNTS: Final = (FULL, ALONE)


@dataclass(frozen=True)
class Measured:
    """A policy on test documents: its figures, and its curve."""

    tried: Tried
    figures: Mapping[str, Estimate]


def policy_rows(run: Run, heads: Mapping[str, Head]) -> list[Row]:
    """Return sections policies, policy_curves, policy_differences, policy_depths and true_exits, on test documents.

    Thresholds, and which policies are chosen, are by select documents. Section policies, item kind/signal: area and
    over_fixed (nats, `policies.curves.Areas`, random and fixed); compute_<point>, share of the whole model's, and
    excess_<point>, nats beyond its loss; the same with `alone_` before, the layers alone counted; class_<cost class>,
    select_over_fixed. Of a chosen one role_<role>, and at each point gain_, nats below leaving at random with the same
    shares an exit, agreement_, kl_ and depth_, the mean layers run. Items fixed/layer and oracle/what, which look at
    later layers or at the target: compute, alone_compute, excess, agreement. Section policy_depths is of the best
    policy at the run's point.
    """
    trials, resamples = Trials(run, heads), run.documents.resamples
    weights = np.column_stack([np.ones(resamples.clusters.count), resamples.weights]).astype(np.float64)
    test = Part(trials, run.documents.test, resamples.clusters.index, weights)

    def measure(own: Tried, values: Mapping[int, Column]) -> Measured:
        curve = test.curve(own.head, trials.levels(own.policy, values, test.rows), own.grid)
        return Measured(own, _figures(own, curve, trials, test))

    every = try_all(trials, measure, "policies on test documents")
    chosen = roles([one.tried for one in every], run.settings["point"])
    clusters = resamples.clusters.count
    rows = _baselines(trials, heads[LENS], Totals(resamples), clusters)
    for one in every:
        item = one.tried.policy.name
        own = [role for role, found in chosen.items() if found is one.tried]
        facts = {f"class_{one.tried.needs}": 1.0} | {f"role_{role}": 1.0 for role in own}
        facts |= {f"{how}select_over_fixed": value for how, value in one.tried.areas.items()}
        rows += make_rows(SECTION, item, facts)
        rows += [estimate_row(SECTION, item, name, figure, clusters) for name, figure in one.figures.items()]
    unique = {found.policy.name: found for found in chosen.values()}
    for found in unique.values():
        rows += _chosen_rows(found, trials, test, clusters)
    if BEST in chosen:
        rows += _depth_rows(chosen[BEST], trials, clusters)
    areas = {one.tried.policy.name: one.figures for one in every if one.tried.policy.name in unique}
    for first, other in combinations(areas, 2):
        for name in (f"{how}{area}" for how in COUNTS for area in ("area", "over_fixed")):
            difference, item = areas[first][name] - areas[other][name], f"{first} | {other}"
            rows.append(estimate_row(DIFFERENCES, item, name, difference, clusters))
            rows += make_rows(DIFFERENCES, item, {f"{name}_p": p_value(difference, clusters)})
    rows += guarantee_rows(trials, list(unique.values())) + draft_rows(trials)
    return rows + true_rows(run, heads)


def _figures(own: Tried, curve: Curve, trials: Trials, test: Part) -> dict[str, Estimate]:
    """What every policy is told of: its areas, and compute and excess loss at its points."""
    figures, whole = dict[str, Estimate](), curve.loss[0]
    for how in COUNTS:
        compute = curve.compute(own.costs[how])
        found = trials.areas(test, own, curve, how)
        figures |= {f"{how}area": found.random, f"{how}over_fixed": found.fixed}
        for point, (number, *_) in own.points[how].items():
            figures[f"{how}compute_{point}"] = compute[number]
            figures[f"{how}excess_{point}"] = curve.loss[number] - whole
    return figures


def _chosen_rows(own: Tried, trials: Trials, test: Part, clusters: int) -> list[Row]:
    """More of a chosen policy: at its points and along its curve."""
    item, values = own.policy.name, trials.read(own.policy.signal)
    levels = trials.levels(own.policy, values, test.rows)
    curve = test.curve(own.head, levels, own.grid)
    depth = np.einsum("e,eks->ks", np.array(trials.exits, dtype=float), curve.shares)
    rows = []
    for how in COUNTS:
        for point, (number, *_) in own.points[how].items():
            found = {
                "gain": curve.random[number] - curve.loss[number],
                "agreement": curve.agreement[number],
                "kl": curve.kl[number],
                "depth": depth[number],
            }
            for name, figure in found.items():
                rows.append(estimate_row(SECTION, item, f"{how}{name}_{point}", figure, clusters))
    spent = {f"{how}compute": curve.compute(own.costs[how]) for how in COUNTS}
    spent |= {f"random_{how}compute": curve.compute(trials.random[how]) for how in COUNTS}
    for number in range(len(own.grid)):
        found = {name: compute[number] for name, compute in spent.items()}
        found |= {"excess": curve.loss[number] - curve.loss[0], "random": curve.random[number] - curve.random[0]}
        place = f"{item}@{number:02d}"
        rows += [estimate_row(CURVES, place, name, figure, clusters) for name, figure in found.items()]
    return rows


def _depth_rows(own: Tried, trials: Trials, clusters: int) -> list[Row]:
    """Of a policy at the run's point, an item a kind of tokens: how deep these go, mean_depth in layers, and the share
    that leaves at each exit, leaves_<layer>."""
    policy = own.at(trials.run.settings["point"])
    if policy is None:
        return []
    levels = trials.levels(policy, trials.read(policy.signal), trials.run.documents.test)
    exit, rows = exits_taken(policy, levels), list[Row]()
    for kind, among in token_kinds(trials.run).items():
        totals = Totals(trials.run.documents.resamples, among)
        found = {"mean_depth": exit[among]} | {f"leaves_{layer}": exit[among] == layer for layer in trials.exits}
        rows += [estimate_row(DEPTHS, kind, name, totals.mean(of), clusters) for name, of in found.items()]
    return rows


def exits_taken(policy: Policy, levels: Sequence[Column]) -> np.ndarray[Any, Any]:
    """The layer after which each token leaves, (tokens,)."""
    exit = np.full(len(levels[0]), policy.exits[-1])
    for number in reversed(range(len(levels))):
        exit[levels[number] >= policy.thresholds[number]] = policy.exits[number]
    return exit


def _baselines(trials: Trials, head: Head, totals: Totals, clusters: int) -> list[Row]:
    """Leaving always after one layer, and at the first exit where what one wants holds, which nobody knows there."""
    test, last = trials.run.documents.test, trials.exits[-1]
    excess = {layer: own[test] for layer, own in excess_loss(head.loss).items()} | {last: np.zeros(len(test))}
    agrees = {layer: head.argmax[layer][test] == head.argmax[last][test] for layer in trials.exits}
    everywhere = np.ones(len(test), dtype=bool)
    ways: dict[str, dict[int, Mask]] = {f"fixed/{exit_item(layer)}": {layer: everywhere} for layer in trials.exits}
    ways["oracle/agrees"] = agrees
    for near in sorted({0.0, trials.run.settings["near"]}):
        ways[f"oracle/near_{near:g}"] = {layer: own <= near for layer, own in excess.items()}
    costs = dict(zip(trials.exits, zip(trials.random[FULL], trials.random[ALONE], strict=True), strict=True))
    rows = []
    for item, may in ways.items():
        exit = np.full(len(test), last)
        for layer in reversed(list(may)):
            exit[may[layer]] = layer
        taken = {layer: exit == layer for layer in trials.exits}
        figures: dict[str, Column] = {
            "compute": sum(taken[layer] * costs[layer][0] for layer in taken),
            "alone_compute": sum(taken[layer] * costs[layer][1] for layer in taken),
            "excess": sum(taken[layer] * excess[layer] for layer in taken),
            "agreement": sum(taken[layer] * agrees[layer] for layer in taken),
        }
        rows += [estimate_row(SECTION, item, name, totals.mean(own), clusters) for name, own in figures.items()]
    fixed = trials.select.heads[LENS].fixed[:, 0]
    for layer, loss in zip(trials.exits, fixed - fixed[-1], strict=True):
        rows += make_rows(SECTION, f"fixed/{exit_item(layer)}", {"select_excess": loss})
    return rows


def true_rows(run: Run, heads: Mapping[str, Head]) -> list[Row]:
    """Return section true_exits, on the test documents that a true pass was made over: item policy@point.

    In truth a token that has left hands its last state to later layers; simulated, it has run them all. excess (nats
    beyond the whole model's loss), agreement and depth (layers), `true_` and `simulated_`; error: the first excess less
    the second, nats; error_after_<layer>, what of it is from tokens that leave there in truth; and how many tokens.
    """
    if "true_exits" not in run.files:
        return []
    entries, found = run.json("policies")["points"], read_columns(run.files["true_exits"])
    rows, tokens, lens = found["row"].astype(np.int64), run.documents.tokens, heads[LENS]
    last = max(lens.loss)
    clusters = make_clusters(tokens.document[rows], tokens.sequence[rows])
    totals = Totals(draw_resamples(clusters, run.settings["fair"]["resamples"], run.settings["seed"]))
    trials, made = Trials(run, heads), []
    whole, word = lens.loss[last][rows], lens.argmax[last][rows]
    for number, entry in enumerate(entries):
        policy = Policy.from_json(entry["policy"])
        head = heads[trials.output_of(policy.signal)]
        exit = exits_taken(policy, trials.levels(policy, trials.read(policy.signal), rows))
        simulated = {"excess": _taken(head.loss, exit, rows) - whole, "depth": exit}
        simulated["agreement"] = _taken(head.argmax, exit, rows) == word
        loss, argmax, depth = (found[f"{number}/{name}"] for name in ("loss", "argmax", "exit"))
        true = {"excess": loss - whole, "depth": depth, "agreement": argmax == word}
        figures = {f"true_{name}": own for name, own in true.items()}
        figures |= {f"simulated_{name}": own for name, own in simulated.items()}
        figures["error"] = error = true["excess"] - simulated["excess"]
        figures |= {f"error_after_{layer}": np.where(depth == layer, error, 0.0) for layer in lens.loss}
        item = f"{policy.name}@{entry['point']}"
        made += [estimate_row(TRUE, item, name, totals.mean(own), totals.clusters) for name, own in figures.items()]
        made += make_rows(TRUE, item, {"tokens": len(rows)})
    return made


def _taken(by_exit: Mapping[int, Column], exit: np.ndarray[Any, Any], rows: Rows) -> Column:
    """What some tokens give where they leave."""
    taken = np.empty(len(rows), dtype=by_exit[max(by_exit)].dtype)
    for layer, values in by_exit.items():
        here = exit == layer
        taken[here] = values[rows[here]]
    return taken
