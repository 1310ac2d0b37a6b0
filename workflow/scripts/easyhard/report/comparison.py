"""Groups of runs that differ in their seed: means over seeds with their intervals, and what holds in every run."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
import polars as pl

from easyhard.errors import InputError
from easyhard.evaluation.rows import KEY, ROW_SCHEMA
from easyhard.evaluation.seeds import over_seeds, rank_agreement
from easyhard.report.advice import recommended
from easyhard.report.items import class_best, main_label, select_score, signals_by_class
from easyhard.report.metrics import Figures
from easyhard.report.prose import conclusions, say
from easyhard.report.tables import Column, Row, Table, build, columns_of
from easyhard.report.words import COST_CLASSES, FROM_HEAD, NULL, listed, signal_title, strong

PROTOCOL = "fair"
ORACLES = "target"


@dataclass(frozen=True)
class Group:
    """Runs of different seeds: the figures of each by its name, of all the means, and the reach of their intervals.

    `founding` names the runs that repeat the founding experiments as well.
    """

    name: str
    runs: Mapping[str, Figures]
    mean: Figures
    documents_reach: Figures
    founding: Sequence[str]


def compare(groups: Mapping[str, Mapping[str, pl.DataFrame]]) -> pl.DataFrame:
    """The figures of protocol `fair` that all runs of a group have, group by group: means over seeds.

    Columns: group, those of ROW_SCHEMA with the interval over seeds, seeds, lowest, highest, and documents_reach, half
    of a run's own interval, mean over runs. `groups` gives by the group's name its runs' tables by their names. Raises
    InputError where a group has no figures.
    """
    return pl.concat([_over_seeds(name, list(tables.values())) for name, tables in groups.items()])


def _over_seeds(name: str, tables: list[pl.DataFrame]) -> pl.DataFrame:
    rows = pl.concat(table.filter(pl.col("protocol") == PROTOCOL) for table in tables).select(list(ROW_SCHEMA))
    own = (
        rows.drop_nulls("value")
        .group_by("protocol", *KEY, maintain_order=True)
        .agg("value", ((pl.col("ci_high") - pl.col("ci_low")) / 2).mean().alias("documents_reach"))
        .filter(pl.col("value").list.len() == len(tables))
    )
    if not own.height:
        raise InputError(
            f"comparison: the runs of {name} have no figures of protocol fair in common; runs of one kind are wanted"
        )
    values = np.array(own["value"].to_list())
    over = over_seeds(values)
    return own.select(
        pl.lit(name).alias("group"),
        "protocol",
        *KEY,
        pl.Series("value", over.mean),
        pl.Series("ci_low", over.low).fill_nan(None),
        pl.Series("ci_high", over.high).fill_nan(None),
        pl.lit(len(tables), pl.Int64).alias("seeds"),
        pl.Series("lowest", values.min(axis=1)),
        pl.Series("highest", values.max(axis=1)),
        "documents_reach",
    )


def grouped(table: pl.DataFrame, groups: Mapping[str, Mapping[str, pl.DataFrame]]) -> list[Group]:
    """The groups as the report reads them; `table` is what `compare` made of `groups`.

    Raises InputError naming the runs when they do not all count the same losses as hard.
    """
    found = []
    for name, tables in groups.items():
        own = table.filter(pl.col("group") == name)
        reach = own.with_columns(pl.lit(None, pl.Float64).alias("ci_low"), value="documents_reach")
        runs = {run: Figures(figures, PROTOCOL) for run, figures in tables.items()}
        founding = [run for run, figures in tables.items() if (figures["protocol"] == "published").any()]
        found.append(Group(name, runs, Figures(own, PROTOCOL), Figures(reach, PROTOCOL), founding))
    labels = {run: main_label(figures) for group in found for run, figures in group.runs.items()}
    if len(set(labels.values())) > 1:
        told = ", ".join(f"{run} {label}" for run, label in labels.items())
        raise InputError(f"comparison: what counts as hard differs ({told}); one fair.main_threshold is wanted")
    return found


def groups_table(groups: Sequence[Group]) -> Table:
    """One row a group: its runs, how much text judges them (the mean over the runs, for the parts differ), and the loss
    on the whole of it in bits a byte, which compares models that cut it into other tokens."""
    rows = [Row([group.name, listed(list(group.runs))], ["test"], figures=group.mean) for group in groups]
    columns = [
        Column("fair_data", "documents", form="plain", heading="test documents"),
        Column("fair_data", "tokens", form="plain", heading="test tokens"),
        Column("fair_labels", "prevalence", "{label}", "plain", "hard (%)"),
        Column("fair_data", "bits_per_byte", "text", heading="loss, bits a byte", dropped=True),
    ]
    return build(groups[0].mean, ("group", "runs"), rows, columns, left=2)


def shown_bests(group: Group) -> dict[str, str]:
    """The best signal of each cost class but the oracles', by AUROC on the select parts, mean over seeds."""
    found: dict[str, str | None] = {}
    for needs, items in signals_by_class(group.mean).items():
        known = [item for item in items if select_score(group.mean, item) > float("-inf") and needs != ORACLES]
        found[needs] = max(known, key=lambda item: select_score(group.mean, item), default=None)
    return {needs: item for needs, item in found.items() if item}


def best_table(group: Group) -> Table:
    """One row a cost class: its best signal over seeds, in how many runs it is chosen, its quality and cost."""
    bests = shown_bests(group)
    overall = max(bests.values(), key=lambda item: select_score(group.mean, item))
    rows = []
    for needs, item in bests.items():
        chosen = [class_best(own).get(needs) for own in group.runs.values()]
        title = strong(signal_title(item)) if item == overall else signal_title(item)
        rows.append(Row([needs.replace("_", " "), title, f"{chosen.count(item)} of {len(chosen)}"], [item]))
    columns = [
        *columns_of("fair_signals", "auroc_{label}"),
        Column("fair_signals", "auroc_{label}", form="plain", heading="± documents", figures=group.documents_reach),
        *columns_of("fair_differences", FROM_HEAD, form="signed", heading="from the head's best", dropped=True),
        *columns_of("fair_signals", "augrc oracle_share"),
        *columns_of("fair_signals", "model_share cost_share", form="share", dropped=True),
    ]
    return build(group.mean, ("needs", "best signal", "chosen in"), rows, columns, left=2)


def advice_said(groups: Sequence[Group]) -> list[str]:
    """Of each group, which signals its runs recommend, each by its own figures."""
    found = []
    for group in groups:
        signals: dict[str | None, list[str]] = {}
        for run, figures in group.runs.items():
            signals.setdefault(recommended(figures, main_label(figures)), []).append(run)
        found.append(say("recommended_in", group.mean, group=group.name, signals=signals, runs=len(group.runs)))
    return found


def advice_table(groups: Sequence[Group]) -> Table:
    """One row a run: the signal that it recommends, how good it is there and what it costs."""
    rows = []
    for run, figures in ((run, figures) for group in groups for run, figures in group.runs.items()):
        item = recommended(figures, main_label(figures))
        rows.append(Row([run, signal_title(item) if item else "none"], [item or ""], figures=figures))
    columns = [
        *columns_of("fair_signals", "auroc_{label} oracle_share", dropped=True),
        *columns_of("fair_signals", "model_share cost_share", form="share", dropped=True),
    ]
    return build(groups[0].mean, ("run", "recommended"), rows, columns, left=2)


def holds_table(groups: Sequence[Group]) -> Table | None:
    """One row a founding conclusion, one column a run that repeats the experiments: its verdict there; None if none."""
    told = {
        run: {conclusion.claim: conclusion.verdict for conclusion in conclusions(group.runs[run])}
        for group in groups
        for run in group.founding
    }
    claims = list(dict.fromkeys(claim for own in told.values() for claim in own))
    rows = [[f"“{claim}”", *(own.get(claim, NULL) for own in told.values())] for claim in claims]
    return Table(["", *told], rows) if claims else None


def ranks_said(groups: Sequence[Group]) -> list[str]:
    """How far groups agree on the order of signals, beside how far the seeds of each do."""
    found = []
    for group in groups:
        pairs = combinations(map(scores, group.runs.values()), 2)
        agreed = [rank_agreement(*pair)[0] for pair in pairs]
        if agreed:
            found.append(say("between_seeds", group.mean, group=group.name, mean=f"{np.mean(agreed):.3f}"))
    for first, second in combinations(groups, 2):
        value, shared = rank_agreement(scores(first.mean), scores(second.mean))
        if not np.isnan(value):
            names = {"one": first.name, "other": second.name}
            found.append(say("between_groups", first.mean, value=f"{value:.3f}", shared=shared, **names))
    return found


def same_bests(groups: Sequence[Group]) -> list[str]:
    """Of each cost class that several groups have, whether they have the same best signal."""
    bests = {group.name: shown_bests(group) for group in groups}
    found = []
    for needs in COST_CLASSES:
        names: dict[str, list[str]] = {}
        for name, best in bests.items():
            if needs in best:
                names.setdefault(signal_title(best[needs]), []).append(name)
        if sum(map(len, names.values())) > 1:
            told = listed([f"{title} in {listed(where)}" for title, where in names.items()])
            found.append(f"{needs.replace('_', ' ')}: {told}")
    return found


def signals_table(groups: Sequence[Group]) -> Table:
    """Every signal but the oracles, from the highest AUROC down, by the mean over the groups that have it."""
    needs = {item: name for group in groups for name, items in signals_by_class(group.mean).items() for item in items}
    found = [scores(group.mean) for group in groups]
    means = {item: float(np.mean([own[item] for own in found if item in own])) for own in found for item in own}
    rows = []
    for item in sorted(means, key=lambda name: -means[name]):
        costs = next((group.mean for group in groups if group.mean.has("fair_signals", item, "cost_share")), None)
        rows.append(Row([signal_title(item), needs[item].replace("_", " ")], [item], figures=costs))
    columns = []
    for group in groups:
        reach = group.documents_reach
        columns += columns_of("fair_signals", "auroc_{label}", heading=group.name, figures=group.mean)
        columns += columns_of("fair_signals", "auroc_{label}", form="plain", heading="± documents", figures=reach)
    columns += columns_of("fair_signals", "cost_share", form="share", heading="of the head's (%)")
    return build(groups[0].mean, ("signal", "needs"), rows, columns, left=2)


def scores(figures: Figures) -> dict[str, float]:
    """AUROC of the main label of every signal but the oracles."""
    metric = f"auroc_{main_label(figures)}"
    items = [item for needs, own in signals_by_class(figures).items() if needs != ORACLES for item in own]
    return {item: figures.number("fair_signals", item, metric) for item in items}
