"""Draw the charts of a run and write its report, with the settings that it came from."""

from pathlib import Path

from snakemake.iocontainers import Snakemake

from easyhard.atomic import atomic_path, write_json
from easyhard.job import run
from easyhard.report.chart import svg
from easyhard.report.gallery import charts_of
from easyhard.report.metrics import Figures, read_table
from easyhard.report.render import render
from easyhard.report.setup import make_setup
from easyhard.report.summary import summary_of


def main(snakemake: Snakemake) -> None:
    files, params, made = snakemake.input, snakemake.params, snakemake.output
    table = read_table(Path(files.metrics))
    wanted = params.config["protocols"]
    fair, published = (Figures(table, name) if name in wanted else None for name in ("fair", "published"))
    charts = charts_of(fair, published, files, params.sequences)
    for name, chart in charts.items():
        with atomic_path(Path(made.figures) / f"{name}.svg") as temporary:
            temporary.write_text(svg(chart), encoding="utf-8")
    own = make_setup(snakemake.wildcards.run, params.kind, params.config, files)
    write_json(made.config, {name: vars(own)[name] for name in ("config", "versions", "tokens", "corpus")})
    write_json(made.summary, summary_of(fair, own))
    with atomic_path(made.report) as temporary:
        temporary.write_text(render(published, fair, own, charts, files.templates[0]), encoding="utf-8")


run(main)
