"""Draw the figures of the protocol fair, from the table of all figures alone."""

from pathlib import Path
from typing import TYPE_CHECKING

from easyhard.errors import InputError
from easyhard.job import job
from easyhard.report.fair_figures import fair_figures
from easyhard.report.metrics import Figures, read_table
from easyhard.report.style import save

if TYPE_CHECKING:
    from snakemake.iocontainers import Snakemake

    snakemake: Snakemake

with job(snakemake):
    drawn = fair_figures(Figures(read_table(Path(snakemake.input.metrics)), "fair"))
    for name, svg in snakemake.output.items():
        if name == "png":
            continue
        if name not in drawn:
            raise InputError(f"{snakemake.input.metrics}: has no figures for {name}; delete it and rerun")
        save(drawn[name], svg, Path(svg).with_suffix(".png"))
