"""What a run comes to, for programs: the advice and the headline figures, by names that stay (docs/summary.md)."""

from typing import Any

from easyhard.report import advice, policies
from easyhard.report.exits import last_layer
from easyhard.report.items import main_label
from easyhard.report.metrics import Figures
from easyhard.report.setup import Setup

FORMAT = 1


def summary_of(fair: Figures | None, own: Setup) -> dict[str, Any]:
    """What stands in summary.json; without figures of the protocol fair, the run alone."""
    told: dict[str, Any] = {"format": FORMAT, "run": own.run, "corpus_sha256": own.corpus["sha256"]}
    told |= {"versions": dict(own.versions), "device": own.device}
    return told if fair is None else told | _evaluation(fair) | _stopping(fair, own.config["exits"]["point"])


def _evaluation(fair: Figures) -> dict[str, Any]:
    labels = [main_label(fair)]
    labels += [label for label in advice.OTHER_LABELS if advice.flagged(fair, f"best_{label}")]
    clusters = {name: fair.get("fair_data", "clusters", name).value for name in ("are_documents", "sequences_stand_in")}
    documents = clusters["are_documents"] and not clusters["sequences_stand_in"]
    return {
        "hard": labels[0],
        "test": {name: fair.value("fair_data", "test", name) for name in ("documents", "sequences", "tokens")},
        "resampled": {"unit": "documents" if documents else "sequences"}
        | {name: fair.value("fair_data", "clusters", name) for name in ("count", "resamples")},
        "knows_answer": fair.items("leaks") if fair.has_section("leaks") else [],
        "margin": fair.get(advice.SECTION, "settings", "margin").value,
        "recommended": {label: _signal(fair, advice.recommended(fair, label), label) for label in labels},
        "best": {label: _signal(fair, advice.flagged(fair, f"best_{label}"), label) for label in labels},
        "budgets": [
            {"share": share, **(_signal(fair, item, labels[0]) or {})} for share, item in advice.budgets(fair).items()
        ],
        "ceiling": {label: _estimate(fair, "fair_ceilings", label, "auroc") for label in labels},
    }


def _stopping(fair: Figures, point: str) -> dict[str, Any]:
    if not fair.has_section(policies.SECTION):
        return {"where_to_stop": None}
    item = policies.chosen(fair).get("best")
    metrics = {"compute": f"compute_{point}", "excess": f"excess_{point}", "area_over_fixed_layers": "over_fixed"}
    found = {name: _estimate(fair, policies.SECTION, item, metric) for name, metric in metrics.items()} if item else {}
    worth = fair.get("exits", "model", "layers_per_head_pass").value
    known = {"layers": last_layer(fair), "layers_per_head_pass": worth, "point": point, "policy": item}
    return {"where_to_stop": known | found}


def _signal(fair: Figures, item: str | None, label: str) -> dict[str, Any] | None:
    if item is None:
        return None
    costs = {
        name: fair.get("fair_signals", item, name).value for name in ("multiply_adds", "model_share", "cost_share")
    }
    return {"signal": item, "auroc": _estimate(fair, "fair_signals", item, f"auroc_{label}"), **costs}


def _estimate(fair: Figures, section: str, item: str, metric: str) -> dict[str, float | None]:
    found = fair.get(section, item, metric)
    return {"value": found.value, "ci_low": found.ci_low, "ci_high": found.ci_high}
