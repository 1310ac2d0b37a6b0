"""Which tables a run has, and how each is called: for the page and for tables/*.csv."""

from collections.abc import Callable, Mapping

from easyhard.report import exits
from easyhard.report.items import signals_by_class
from easyhard.report.metrics import Figures
from easyhard.report.tables import Table, View, make_table, strata_kinds
from easyhard.report.words import COST_CLASSES, signal_title

Name = tuple[str, str]
"""A table's name in tables.yaml, and what it is about, empty where it is about one thing only."""

FAIR = {
    "budgets": ("advice", "The best signal within each budget"),
    "best": ("fair_differences", "The best signal of each class"),
    "data": ("fair_data", "Data and split"),
    "labels": ("fair_labels", "What counts as hard"),
    "class_signals": ("fair_signals", "Signals that need {about}: every figure"),
    "label_aurocs": ("fair_signals", "AUROC by what counts as hard"),
    "differences": ("fair_differences", "Differences on the same resamples"),
    "previews": ("fair_low_rank", "Low rank: what each preview keeps"),
    "preview_kinds": ("fair_low_rank", "Low rank, kind against kind"),
    "low_rank_aurocs": ("fair_low_rank", "Low rank: AUROC of the signals made from it"),
    "learning": ("fair_learning", "More text to fit on"),
    "stacks": ("fair_stacks", "Stacks"),
    "importances": ("fair_stacks", "What {about} leans on"),
    "within": ("fair_strata", "AUROC among tokens that are alike"),
    "strata": ("fair_strata", "AUROC by {about}"),
    "ceilings": ("fair_ceilings", "What a calibrated model could reach"),
    "calibration": ("fair_calibration", "Calibration"),
    "reliability": ("fair_calibration", "Calibration, bin by bin"),
    "shape": ("fair_shape", "Shape of the loss"),
    "chance": ("chance", "What guessing gets"),
    "leaks": ("leaks", "Signals that know the answer"),
    "exits": ("exits", "What each exit is worth"),
    "left_out": ("exits", "Each layer left out alone"),
    "exit_signals": ("exit_signals", "Which signal tells at each exit: {about}"),
    "depths": ("exits", "Depth by kind of token"),
    "chosen_policies": ("policies", "Chosen policies, everything counted"),
    "chosen_policies_alone": ("policies", "Chosen policies, layers alone"),
    "policies": ("policies", "Every policy, everything counted"),
    "policies_alone": ("policies", "Every policy, layers alone"),
    "baselines": ("policies", "Always after one layer, and oracles"),
    "true_exits": ("true_exits", "In truth, and as simulated"),
    "guarantees": ("guarantees", "Guarantees"),
    "draft": ("draft", "As a draft"),
    "policy_depths": ("policy_depths", "Which tokens leave where"),
    "founding_exits": ("founding_exits", "The founding author's exits beside this run's"),
    "contributions": ("founding_exits", "What each change contributes, all from the same weights"),
    "saturation": ("saturation", "Saturation: F1"),
    "saturation_ranking": ("saturation", "Saturation: AUROC and AUPRC"),
    "saturation_loss": ("saturation", "Saturation: the whole model's loss"),
}
"""The section of figures without which a run does not have the table, and the table's title."""

PUBLISHED = {
    "language_model": ("model", "The language model"),
    "loss": ("loss_distribution", "The loss and its median split"),
    "exit_classifier": ("separation", "The exit classifier"),
    "regression": ("regression", "Predicting the loss"),
    "classification": ("classification", "Classifying easy and hard"),
    "classified": ("classification", "What is called easy"),
    "target_probability": ("separation", "The probability of the target"),
    "thresholds": ("thresholds", "Thresholds on the probability of the target"),
    "correlations": ("separation", "Correlations with the loss"),
    "separation": ("separation", "Separation by each signal"),
    "high_confidence": ("high_confidence", "Among confident tokens"),
    "confident": ("high_confidence", "Confident tokens' loss"),
    "metric_prediction": ("metric_prediction", "Predicting the metrics"),
    "low_rank": ("low_rank", "Plain low rank: fidelity"),
    "low_rank_metrics": ("low_rank", "Plain low rank: other metrics"),
    "low_rank_split": ("low_rank", "Plain low rank: separation"),
    "median_cut": ("separation", "Every method at the median cut"),
    "own_cut": ("classification", "Classifiers at their own threshold"),
    "bands": ("separation", "Bands of a faithful run"),
}

BROUGHT = {
    "own_loss": ("loss_distribution", "The loss"),
    "own_separation": ("separation", "Each signal: correlations with the loss, and the median split"),
    "own_thresholds": ("thresholds", "Splits at thresholds"),
    "own_regression": ("regression", "Predictions of the loss"),
}
"""The same of all rows of a run from elsewhere."""

ABOUT: Mapping[str, Callable[[Figures], list[str]]] = {
    "class_signals": lambda figures: list(signals_by_class(figures)),
    "importances": lambda figures: figures.items("fair_stacks"),
    "strata": strata_kinds,
    "exit_signals": exits.known_labels,
}


def tables_of(
    fair: Figures | None, published: Figures | None, brought: Figures, is_founding_corpus: bool
) -> dict[Name, Table]:
    """Every table that the run has figures for, by protocol; `brought` are those of all rows.

    Raises InputError naming a figure that one cannot do without.
    """
    made: dict[Name, Table] = {}
    for figures, known in ((fair, FAIR), (published, PUBLISHED), (brought, BROUGHT)):
        for name, (section, _) in known.items() if figures is not None else ():
            if figures is None or not figures.has_section(section):
                continue
            for about in ABOUT[name](figures) if name in ABOUT else [""]:
                table = make_table(name, View(figures, about, is_founding_corpus))
                if table.rows:
                    made[name, about] = table
    return made


def titled(names: list[Name]) -> list[tuple[str, str, str]]:
    """Title, name and what it is about, for each of these tables."""
    known = FAIR | PUBLISHED | BROUGHT
    return [(known[name][1].format(about=_told(name, about)), name, about) for name, about in names]


def _told(name: str, about: str) -> str:
    if name == "class_signals":
        return COST_CLASSES[about]
    return signal_title(about) if name == "importances" else about.replace("_", " ")


def file_name(name: Name) -> str:
    """How the table's file is called, without `.csv`: letters, digits and underscores alone."""
    return "_".join("".join(own if own.isalnum() else "_" for own in part) for part in name if part)
