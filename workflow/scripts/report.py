"""Draw the charts of a run and write its report, as Markdown, as a page and for programs, with its settings."""

from pathlib import Path

from snakemake.iocontainers import Snakemake

from easyhard.atomic import atomic_path, write_json
from easyhard.job import run
from easyhard.report.catalogue import file_name, tables_of
from easyhard.report.chart import svg
from easyhard.report.gallery import charts_of
from easyhard.report.metrics import Figures, read_table
from easyhard.report.page import csv_of, write_page
from easyhard.report.render import fill, names_of
from easyhard.report.setup import make_setup
from easyhard.report.summary import summary_of
from easyhard.report.text_view import text_view, vocabulary_of


def write(path: str | Path, text: str) -> None:
    with atomic_path(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def main(snakemake: Snakemake) -> None:
    files, params, made = dict(snakemake.input.items()), snakemake.params, snakemake.output
    table = read_table(Path(files["metrics"]))
    wanted = params.config["protocols"]
    fair, published = (Figures(table, name) if name in wanted else None for name in ("fair", "published"))
    brought = Figures(table, "all_rows")
    charts = charts_of(fair, published, files, params.sequences)
    own = make_setup(snakemake.wildcards.run, params.kind, params.config, files)
    tables = tables_of(fair, published, brought, own.is_founding_corpus)
    names = names_of(published, fair, brought, own, charts)
    for name, chart in charts.items():
        write(Path(made.figures) / f"{name}.svg", svg(chart))
        write(Path(made.tables) / f"chart_{name}.csv", csv_of(chart.data))
    for place, one in tables.items():
        write(Path(made.tables) / f"{file_name(place)}.csv", csv_of(one))
    write_json(made.config, {name: vars(own)[name] for name in ("config", "versions", "tokens", "corpus")})
    write_json(made.summary, summary_of(fair, own))
    markdown, page = files["templates"]
    text = None
    if fair is not None and params.kind != "signals":
        of_words = params.kind == "trained" and params.config["tokens"]["tokenizer"] != "bpe"
        vocabulary = vocabulary_of(files, of_words=of_words)
        text = text_view(fair, files, vocabulary, params.config["exits"]["point"])
    write(made.report, fill(markdown, names))
    write(made.page, write_page(page, names, tables, text))


run(main)
