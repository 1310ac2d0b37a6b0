"""Which thresholds of exit policies are promised to keep a risk, and how fast exits are as drafts of the model."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from easyhard.evaluation.columns import Column, Rows
from easyhard.evaluation.exit_names import TRANSLATED, exit_item
from easyhard.evaluation.exits import Totals
from easyhard.evaluation.resampling import FEWEST_DOCUMENTS, Clusters, draw_resamples, estimate_row
from easyhard.evaluation.rows import Row, make_rows
from easyhard.evaluation.run import Run
from easyhard.evaluation.trials import FULL, Trials, Tried
from easyhard.policies.draft import best_draft, draft_cost, draft_rounds, expected_tokens
from easyhard.policies.guarantee import METHODS, confidence_bound, documents_needed, learn_then_test, risk_control
from easyhard.policies.simulation import ByExit, leaving
from easyhard.signals.exit_labels import excess_loss

SECTION, DRAFT = "guarantees", "draft"
LONGEST: Final = 10
"""Most tokens that a draft has a round."""


def guarantee_rows(trials: Trials, chosen: Sequence[Tried]) -> list[Row]:
    """Return section guarantees: item policy/risk/method, on test documents.

    Half of these, drawn by the seed, choose the threshold, the others check it: both are new to whatever was fitted or
    chosen before. Risks: disagreement with the whole model, and excess, the loss beyond its own kept in 0 … clip nats,
    over clip. certified: whether a token may leave at all; calibrated: by so many documents; where certified the risk
    and compute (share of the whole model's) on the others, their mean over documents; else needed: with so many
    documents the strictest threshold by which some leave would be; null where no number would do.
    """
    documents = np.unique(trials.run.documents.tokens.document[trials.run.documents.test])
    drawn = np.random.default_rng(trials.run.settings["seed"]).permutation(documents)
    halves = [np.sort(drawn[: len(drawn) // 2]), np.sort(drawn[len(drawn) // 2 :])]
    rows = []
    for own in chosen:
        calibration, check = (_by_document(own, trials, half) for half in halves)
        for risk in ("disagreement", "excess"):
            for method in METHODS:
                item = f"{own.policy.name}/{risk}/{method}"
                rows += _guarantee(item, calibration[risk], check[risk], check["compute"], trials.run.settings, method)
    return rows


def _guarantee(
    item: str, risk: Column, checked: Column, compute: Column, settings: Mapping[str, Any], method: str
) -> list[Row]:
    own = settings["guarantee"]
    epsilon, delta = own[item.split("/")[-2]], own["delta"]
    rows = make_rows(SECTION, item, {"calibrated": len(risk)})
    found = _choose(method, risk, epsilon, delta) if len(risk) > 1 else None
    if not found:  # nothing, or the threshold that lets nobody leave
        some = np.repeat(risk[:, 1:], 1 if len(risk) > 1 else 2, axis=0)  # one document has a mean too
        needed = documents_needed(some, epsilon, delta, method) if len(some) else None
        return rows + make_rows(SECTION, item, {"certified": 0.0, "needed": np.nan if needed is None else needed})
    rows += make_rows(SECTION, item, {"certified": 1.0, "threshold": found})
    clusters = Clusters(np.arange(len(checked), dtype=np.int32), len(checked), are_documents=True)
    totals = Totals(draw_resamples(clusters, settings["fair"]["resamples"], settings["seed"]))
    for name, values in (("risk", checked), ("compute", compute)):
        rows.append(estimate_row(SECTION, item, name, totals.mean(values[:, found]), len(checked)))
    return rows


def _choose(method: str, risk: Column, epsilon: float, delta: float) -> int | None:
    if method == "risk_control":
        return risk_control(risk, epsilon)
    return {"learn_then_test": learn_then_test, "confidence_bound": confidence_bound}[method](risk, epsilon, delta)


def _by_document(own: Tried, trials: Trials, documents: np.ndarray[Any, Any]) -> dict[str, Column]:
    """Risks and compute at every threshold, the mean over each document's tokens, (documents, thresholds)."""
    tokens, clip = trials.run.documents.tokens, trials.run.settings["guarantee"]["clip"]
    rows: Rows = np.flatnonzero(np.isin(tokens.document, documents))
    cluster, head = np.searchsorted(documents, tokens.document[rows]), trials.heads[own.head]
    last = trials.exits[-1]
    excess = {layer: values[rows] for layer, values in excess_loss(head.loss).items()} | {last: np.zeros(len(rows))}
    differs = [head.argmax[layer][rows] != head.argmax[last][rows] for layer in trials.exits]
    left = leaving(trials.levels(own.policy, trials.read(own.policy.signal), rows), own.grid, cluster, len(documents))
    counts = left.counts()
    sums = {
        "disagreement": left.sums(ByExit(differs)),
        "excess": left.sums(ByExit([excess[layer].clip(0, clip) / clip for layer in trials.exits])),
        "compute": np.einsum("e,edk->dk", own.costs[FULL], counts),
    }
    mean = {name: values / counts.sum(0) for name, values in sums.items()}
    return mean | {risk: mean[risk].clip(0, 1) for risk in ("disagreement", "excess")}  # sums of differences round


def draft_rows(trials: Trials) -> list[Row]:
    """Return section draft, on test documents: item layer or layer/head, an exit as the draft of the whole model.

    acceptance: the share of tokens whose first choice is the whole model's; drafted: how many tokens a round are
    fastest on select documents; with these tokens_a_round, as the text has them, independent, were each accepted by
    itself, and speed_up over the whole model alone. Intervals are over documents, where there are enough.
    """
    run, rows = trials.run, list[Row]()
    dim = run.json("fitted")["dim"]
    for name, head in trials.heads.items():
        for layer in trials.exits[:-1]:
            agrees = head.argmax[layer] == head.argmax[trials.exits[-1]]
            more = dim**2 / trials.costs.whole if name == TRANSLATED else 0.0
            cost = draft_cost(trials.costs, layer) + more
            rows += _draft(exit_item(layer, name), agrees, cost, run)
    return rows


def _draft(item: str, agrees: NDArray[np.bool_], cost: float, run: Run) -> list[Row]:
    document = run.documents.tokens.document
    select, test = run.documents.select, run.documents.test
    drafted = best_draft(agrees[select], document[select], cost, LONGEST).drafted
    rounds, tokens = draft_rounds(agrees[test], document[test], LONGEST)
    accepted = np.bincount(np.unique(document[test], return_inverse=True)[1], agrees[test])
    clusters = Clusters(np.arange(len(tokens), dtype=np.int32), len(tokens), are_documents=True)
    many = len(tokens) >= FEWEST_DOCUMENTS
    totals = Totals(draw_resamples(clusters, run.settings["fair"]["resamples"], run.settings["seed"]))
    of_all = totals(tokens)
    figures = {"acceptance": totals(accepted) / of_all, "tokens_a_round": of_all / totals(rounds[:, drafted - 1])}
    figures["speed_up"] = figures["tokens_a_round"] / (drafted * cost + 1)
    facts = {"drafted": drafted, "independent": expected_tokens(float(figures["acceptance"][0]), LONGEST)[drafted - 1]}
    if not many:
        return make_rows(DRAFT, item, facts | {name: float(own[0]) for name, own in figures.items()})
    found = [estimate_row(DRAFT, item, name, own, len(tokens)) for name, own in figures.items()]
    return make_rows(DRAFT, item, facts) + found
