"""Compare runs over seeds and texts: the mean figures of each group, a figure, and a report."""

from pathlib import Path

from snakemake.iocontainers import Snakemake

from easyhard.atomic import atomic_path
from easyhard.job import run
from easyhard.parquet import write_parquet
from easyhard.report import comparison as page
from easyhard.report.chart import svg
from easyhard.report.comparison_chart import agreement, over_seeds
from easyhard.report.metrics import read_table
from easyhard.report.page import write_page
from easyhard.report.render import fill


def main(snakemake: Snakemake) -> None:
    files = iter(snakemake.input.metrics)
    tables = {
        group: {run: read_table(Path(next(files))) for run in runs} for group, runs in snakemake.params.groups.items()
    }
    table = page.compare(tables)
    groups = page.grouped(table, tables)
    write_parquet(snakemake.output.metrics, table.to_arrow())
    charts = [chart for chart in (over_seeds(groups), agreement(groups)) if chart]
    for chart in charts:
        with atomic_path(Path(snakemake.output.figures) / f"{chart.name}.svg") as temporary:
            temporary.write_text(svg(chart), encoding="utf-8")
    names = {"name": snakemake.wildcards.comparison, "groups": groups, "page": page, "charts": charts}
    with atomic_path(snakemake.output.page) as temporary:
        own = names | {"fair": None, "charts": {chart.name: chart for chart in charts}}
        temporary.write_text(write_page(snakemake.input.page, own, {}, None), encoding="utf-8")
    with atomic_path(snakemake.output.report) as temporary:
        temporary.write_text(fill(snakemake.input.template, names), encoding="utf-8")


run(main)
