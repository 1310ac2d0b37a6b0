"""Which probes each row set gets: what the rule `probes` fits and writes."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from easyhard.activations.store import read_columns as read_activations
from easyhard.probes.data import ProbeData, load_probe_data
from easyhard.probes.documents import Rows, document_folds, nested_subsets
from easyhard.probes.ensemble import Fit, Trained, columns_of, train
from easyhard.probes.founding import METRICS, fit_all, loss_probes, metric_probes
from easyhard.protocols import DOCUMENTS, VALIDATION
from easyhard.signals.catalogue import family_and_task, multiply_adds
from easyhard.signals.store import read_columns
from easyhard.signals.tokens import FIT, TEST

CURVE_PROBES = ("linear_easy", "mlp_easy")
CURVE_FRACTIONS = (1 / 16, 1 / 8, 1 / 4, 1 / 2, 1)

Batches = Iterable[Mapping[str, NDArray[np.float32]]]
Outcome = tuple[Batches, Batches, Mapping[str, Any]]
"""What the probes of a row set say, in batches of columns, NaN where they say nothing; what probes say that are not
deployed, across folds and on ever more documents; and how all were fitted."""


def founding(files: Mapping[str, Any], settings: Mapping[str, Any], device: torch.device) -> Outcome:
    """The founding probes of the loss and of the metrics; memory holds all hidden states."""
    activations = read_activations(files["activations"], ["hidden", "loss"])
    hidden, loss = (torch.from_numpy(activations[name]).to(device) for name in ("hidden", "loss"))
    signals = read_columns(files["head"], METRICS, rows=len(hidden))
    metrics = {name: torch.tensor(values, device=device) for name, values in signals.items()}
    probes = loss_probes(loss, settings["loss_probes"], settings["seed"])
    probes |= metric_probes(metrics, settings["metric_probes"], settings["seed"])
    columns, summaries = fit_all(hidden, probes, settings["seed"])
    return [columns], [], {"probes": summaries}


def of_documents(files: Mapping[str, Any], settings: Mapping[str, Any], device: torch.device) -> Outcome:
    """Every probe that the files allow, several seeds each; once more across folds; and the learning curve."""
    own = settings["fair_probes"]
    seeds = [settings["seed"] + number for number in range(own["seeds"])]
    data, tokens = load_probe_data(files, settings, device)
    probes = data.available_probes()
    every = np.arange(len(tokens))
    whole = [
        Fit(f"{probe}@{number}", probe, data.fit, seed, every) for probe in probes for number, seed in enumerate(seeds)
    ]
    curve = curve_fits(data, seeds, tokens.rows(TEST))
    held_out = [*fold_fits(data, probes, tokens.rows(FIT), own["folds"], seeds[0]), *curve]
    trained = train(data, [*whole, *held_out], own)
    deployed, others = trained[: len(whole)], trained[len(whole) :]
    summary = _summary(data, whole, deployed, curve, own)
    return columns_of(data, whole, deployed), columns_of(data, held_out, others), summary


FITTED: Mapping[str, Callable[[Mapping[str, Any], Mapping[str, Any], torch.device], Outcome]] = {
    VALIDATION: founding,
    DOCUMENTS: of_documents,
}
"""Row set → what is fitted on it, given the rule's input files by name, its settings, and the device."""


def fold_fits(data: ProbeData, probes: Sequence[str], rows: Rows, folds: int, seed: int) -> list[Fit]:
    """Each probe once a fold of `rows`, those of the fit part, asked about the documents it did not see: fold/probe.

    A stack is trained on fit rows, where a probe's own values flatter it, for it has seen their losses. On select and
    test rows it reads the probe of the whole fit part, which has seen more documents than those of the folds; so if
    anything the stack trusts it too little. Every fold's probe is fitted on those of the other folds' rows that are
    among `data.fit`, and calibrated on the select rows, which brings the folds to one scale. Raises InputError when the
    rows have fewer documents than `folds`.
    """
    parts = document_folds(data.documents, rows, folds)
    others = [np.setdiff1d(data.fit, part, assume_unique=True) for part in parts]
    return [
        Fit(f"fold/{probe}", probe, other, seed, part)
        for probe in probes
        for part, other in zip(parts, others, strict=True)
    ]


def curve_fits(data: ProbeData, seeds: Sequence[int], asked: Rows) -> list[Fit]:
    """Would more data help? Two probes on nested shares of the fit documents: learning/probe/fraction@0, …

    Which documents come first depends on the first seed alone. Select rows stop and calibrate every fit as they do for
    the whole fit part.
    """
    subsets = nested_subsets(data.documents, data.fit, CURVE_FRACTIONS, seed=seeds[0])
    return [
        Fit(f"learning/{probe}/{fraction:g}@{number}", probe, rows, seed, asked)
        for probe in CURVE_PROBES
        for fraction, rows in zip(CURVE_FRACTIONS, subsets, strict=True)
        for number, seed in enumerate(seeds)
    ]


def _summary(
    data: ProbeData, whole: Sequence[Fit], trained: Sequence[Trained], curve: Sequence[Fit], settings: Mapping[str, Any]
) -> dict[str, Any]:
    """What each probe costs, how each fit went, and how many tokens of how many documents taught those of the curve."""
    summary: dict[str, Any] = {"costs": {}, "probes": [], "learning": {}}
    for wanted, found in zip(whole, trained, strict=True):
        family, _ = family_and_task(wanted.probe)
        width = data.hidden.shape[1] + family.reads_context * data.context.shape[1]
        cost = multiply_adds(family.architecture, width, settings["hidden"])
        summary["costs"][wanted.probe] = {"multiply_adds": cost}
        summary["probes"].append({"probe": wanted.probe, "seed": wanted.seed} | found.course | vars(found.line))
    for wanted in curve:
        point = wanted.column.removeprefix("learning/").partition("@")[0]
        summary["learning"][point] = [len(wanted.rows), len(np.unique(data.documents[wanted.rows]))]
    return summary
