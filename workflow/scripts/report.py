"""Draw the figures of a run and write its report, with the settings that it came from."""

from pathlib import Path
from types import SimpleNamespace

from snakemake.iocontainers import Snakemake

from easyhard.atomic import atomic_path, write_json
from easyhard.job import run
from easyhard.report.drawing import save
from easyhard.report.figures import draw_all
from easyhard.report.metrics import Figures, read_table
from easyhard.report.render import render
from easyhard.report.setup import make_setup
from easyhard.report.summary import summary_of
from easyhard.report.token_figures import token_figures


def main(snakemake: Snakemake) -> None:
    files, params = snakemake.input, snakemake.params
    table = read_table(Path(files.metrics))
    wanted = params.config["protocols"]
    fair, published = (Figures(table, name) if name in wanted else None for name in ("fair", "published"))
    drawn = {} if fair is None else draw_all(fair)
    if published is not None:
        drawn |= draw_all(published) | token_figures(files, params.sequences)
    for name, figure in drawn.items():
        save(figure, Path(snakemake.output.figures) / f"{name}.svg")
    own = make_setup(snakemake.wildcards.run, params.kind, params.config, files)
    write_json(snakemake.output.config, {name: vars(own)[name] for name in ("config", "versions", "tokens", "corpus")})
    charts = {name: SimpleNamespace(title=name, says="") for name in drawn}
    text = render(published, fair, own, charts, files.templates[0])
    write_json(snakemake.output.summary, summary_of(fair, own))
    with atomic_path(snakemake.output.report) as temporary:
        temporary.write_text(text, encoding="utf-8")


run(main)
