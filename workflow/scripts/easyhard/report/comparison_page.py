"""What a comparison of runs says: which signals are best over seeds and texts, and what holds in every run."""

from collections.abc import Sequence
from itertools import combinations

import numpy as np

from easyhard.evaluation.seeds import rank_agreement
from easyhard.report.comparison_metrics import Group
from easyhard.report.fair_conclusions import verdicts
from easyhard.report.fair_items import class_best, main_label, number, optional, select_score, signals_by_class
from easyhard.report.fair_page import CHEAP_SHARE, affordable_signals, marks
from easyhard.report.fair_words import cost, difference, estimate
from easyhard.report.labels import COST_CLASSES, NULL, hard_title, metric_label, signal_title, value_text
from easyhard.report.metrics import Figures
from easyhard.report.tables import markdown
from easyhard.report.words import count, listed, plural

ORACLES = "target"
AFFORDABLE = f"at most {100 * CHEAP_SHARE:g} %"
TOLD = ("auroc_from_head_best", "augrc_from_head_best")


def groups_table(groups: Sequence[Group]) -> str:
    """One row a group: its runs, and how much text judges them (the mean over the runs, for the parts differ)."""
    rows = [
        [
            group.name,
            listed(list(group.runs)),
            *(_plain(group, "fair_data", "test", metric) for metric in ("documents", "tokens")),
            _plain(group, "fair_labels", main_label(group.mean), "prevalence"),
        ]
        for group in groups
    ]
    return markdown(["group", "runs", "test documents", "test tokens", "hard (%)"], rows, left=2)


def best_of_classes(group: Group) -> dict[str, str]:
    """The best signal of each cost class but the oracles': by AUROC on the select parts, mean over seeds."""
    found = {
        needs: max(items, key=lambda item: select_score(group.mean, item))
        for needs, items in signals_by_class(group.mean).items()
        if needs != ORACLES
    }
    return {needs: item for needs, item in found.items() if select_score(group.mean, item) > float("-inf")}


def shown_bests(group: Group) -> dict[str, str]:
    """The best of each class, before them the best without a pass over the vocabulary at almost no cost."""
    affordable = _affordable(group.mean)
    return ({AFFORDABLE: affordable} if affordable else {}) | best_of_classes(group)


def overall(group: Group) -> str:
    """Of the classes' best signals the best, again on the select parts."""
    return max(best_of_classes(group).values(), key=lambda item: select_score(group.mean, item))


def best_table(group: Group) -> str:
    """One row a cost class: its best signal over seeds, in how many runs it is chosen, its quality and cost."""
    label = main_label(group.mean)
    bests = shown_bests(group)
    has_head = any(group.mean.has("fair_differences", item, "auroc_from_head_best") for item in bests.values())
    header = ["needs", "best signal", "chosen in", f"AUROC, {hard_title(label)}", "± documents"]
    header += ["from the head's best"] * has_head
    header += ["AUGRC (nats)", "oracle share (%)", "of the head's multiply-adds (%)"]
    rows = []
    for needs, item in bests.items():
        chosen = sum(_chosen(figures, needs) == item for figures in group.runs.values())
        row = [
            needs.replace("_", " "),
            f"**{signal_title(item)}**" if item == overall(group) else signal_title(item),
            f"{chosen} of {len(group.runs)}",
            estimate(group.mean, "fair_signals", item, f"auroc_{label}"),
            _reach(group, "fair_signals", item, f"auroc_{label}"),
        ]
        row += [difference(group.mean, "fair_differences", item, "auroc_from_head_best")] * has_head
        row += [estimate(group.mean, "fair_signals", item, metric) for metric in ("augrc", "oracle_share")]
        rows.append([*row, cost(group.mean, item)])
    return markdown(header, rows, left=2)


def marks_said(groups: Sequence[Group]) -> list[str]:
    """Each of the two marks with its answer in each group: in how many of its runs it is met, and where it is not."""
    answers: dict[str, dict[str, dict[str, bool]]] = {}
    for group in groups:
        for run, figures in group.runs.items():
            for question, answer in marks(figures):
                answers.setdefault(question, {}).setdefault(group.name, {})[run] = answer.startswith("**Yes")
    return [
        f"{question} {' '.join(_answered(name, met) for name, met in by_group.items())}"
        for question, by_group in answers.items()
    ]


def marks_table(groups: Sequence[Group]) -> str | None:
    """One row a run: the signals that the marks are about, and how far from the head's best; None without a head."""
    rows = []
    for group in groups:
        for run, figures in group.runs.items():
            answers = [answer[2:].partition(".")[0].lower() for _, answer in marks(figures)]
            signals = [_affordable(figures), class_best(figures).get("context")]
            if len(answers) == 2:
                rows.append(
                    [
                        run,
                        *_mark(figures, signals[0], answers[0], TOLD),
                        *_mark(figures, signals[1], answers[1], TOLD[:1]),
                    ]
                )
    header = ["run", "mark 1", "signal", "AUROC", "AUGRC (nats)", "mark 2", "signal", "AUROC"]
    return markdown(header, rows) if rows else None


def _mark(figures: Figures, item: str | None, answer: str, metrics: Sequence[str]) -> list[str]:
    if item is None:
        return [answer, NULL, *(NULL for _ in metrics)]
    return [answer, signal_title(item), *(difference(figures, "fair_differences", item, metric) for metric in metrics)]


def holds_table(groups: Sequence[Group]) -> str | None:
    """One row a founding conclusion, one column a run: its verdict there; None where no run speaks of any."""
    told = {run: verdicts(figures) for group in groups for run, figures in group.runs.items()}
    claims = list(dict.fromkeys(claim for own in told.values() for claim in own))
    if not claims:
        return None
    return markdown(["", *told], [[claim, *(own.get(claim, NULL) for own in told.values())] for claim in claims])


def ranks_said(groups: Sequence[Group]) -> list[str]:
    """How far groups agree on the order of signals, beside how far the seeds of each do."""
    found = []
    for group in groups:
        each = [scores(figures) for figures in group.runs.values()]
        if len(each) > 1:
            pairs = [rank_agreement(one, other)[0] for one, other in combinations(each, 2)]
            found.append(
                f"Between two seeds of {group.name} Spearman's correlation is {np.mean(pairs):.3f} on average."
            )
    for one, other in combinations(groups, 2):
        value, shared = rank_agreement(scores(one.mean), scores(other.mean))
        if not np.isnan(value):
            over = f"over {plural(shared, 'signal')}, of means over seeds"
            found.append(f"Between {one.name} and {other.name} it is **{value:.3f}** {over}.")
    return found


def same_bests(groups: Sequence[Group]) -> list[str]:
    """Of each cost class that several groups have, whether they have the same best signal."""
    bests = {group.name: best_of_classes(group) for group in groups}
    found = []
    for needs in COST_CLASSES:
        own = {name: best[needs] for name, best in bests.items() if needs in best}
        if len(own) < 2:
            continue
        names: dict[str, list[str]] = {}
        for name, item in own.items():
            names.setdefault(signal_title(item), []).append(name)
        told = listed([f"{title} in {listed(where)}" for title, where in names.items()])
        found.append(f"{needs.replace('_', ' ')}: {told}")
    return found


def signals_table(groups: Sequence[Group]) -> str:
    """Every signal but the oracles, from the highest AUROC down, by the mean over the groups that have it."""
    metric = f"auroc_{main_label(groups[0].mean)}"
    needs = {item: name for group in groups for name, items in signals_by_class(group.mean).items() for item in items}
    found = [scores(group.mean) for group in groups]
    means = {item: float(np.mean([own[item] for own in found if item in own])) for own in found for item in own}
    rows = []
    for item in sorted(means, key=lambda name: -means[name]):
        row = [signal_title(item), needs[item].replace("_", " ")]
        for group in groups:
            row += [estimate(group.mean, "fair_signals", item, metric), _reach(group, "fair_signals", item, metric)]
        costs = (cost(group.mean, item) for group in groups)
        rows.append([*row, next((text for text in costs if text != NULL), NULL)])
    names = [heading for group in groups for heading in (group.name, "± documents")]
    return markdown(["signal", "needs", *names, "of the head's (%)"], rows, left=2)


def scores(figures: Figures) -> dict[str, float]:
    """AUROC of the main label of every signal but the oracles."""
    metric = f"auroc_{main_label(figures)}"
    items = [item for needs, own in signals_by_class(figures).items() if needs != ORACLES for item in own]
    return {item: number(figures, "fair_signals", item, metric) for item in items}


def _affordable(figures: Figures) -> str | None:
    return max(affordable_signals(figures), key=lambda item: select_score(figures, item), default=None)


def _chosen(figures: Figures, needs: str) -> str | None:
    """What a run by itself takes for the best."""
    return _affordable(figures) if needs == AFFORDABLE else class_best(figures).get(needs)


def _answered(name: str, met: dict[str, bool]) -> str:
    missed = [run for run, own in met.items() if not own]
    if not missed:
        return f"{name}: **yes**, in " + (f"{count(len(met), len(met))} runs." if len(met) > 1 else "its one run.")
    if len(missed) == len(met):
        return f"{name}: **no**, in none of {plural(len(met), 'run')}."
    return f"{name}: **in {count(len(met) - len(missed), len(met))} runs**, not in {listed(missed)}."


def _plain(group: Group, section: str, item: str, metric: str) -> str:
    return value_text(metric_label(section, metric), optional(group.mean, section, item, metric).value)


def _reach(group: Group, section: str, item: str, metric: str) -> str:
    reach = group.documents_reach.get((section, item, metric))
    return value_text(metric_label(section, metric), reach)
