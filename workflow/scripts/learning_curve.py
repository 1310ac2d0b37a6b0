"""Fit probes on ever more of the fit documents, to see whether more data would help."""

from typing import TYPE_CHECKING, Any

from easyhard.atomic import write_json
from easyhard.device import use_device
from easyhard.job import job
from easyhard.probes.learning_curve import learning_curve
from easyhard.probes.load import load_probe_data
from easyhard.progress import Progress
from easyhard.signals.fair import TEST
from easyhard.signals.store import write_columns

if TYPE_CHECKING:
    from snakemake.iocontainers import Snakemake

    snakemake: Snakemake

PROBES = ("linear_easy", "mlp_easy")
FRACTIONS = (1 / 16, 1 / 8, 1 / 4, 1 / 2, 1)


def main() -> None:
    settings: dict[str, Any] = snakemake.params.settings
    files, own = snakemake.input, settings["fair_probes"]
    device = use_device(snakemake.threads, snakemake.resources.get("gpu", 0))
    data, tokens = load_probe_data(
        files.activations,
        files.tokens,
        files.head,
        files.context,
        easy_threshold=settings["main_threshold"],
        label_share=own["label_share"],
        at_most=own["tokens"],
        seed=settings["seed"],
        device=device,
    )
    points = learning_curve(
        data,
        PROBES,
        own,
        fractions=FRACTIONS,
        seeds=[settings["seed"] + number for number in range(own["seeds"])],
        judged=tokens.rows(TEST),
        progress=Progress("learning curve", len(PROBES) * len(FRACTIONS) * own["seeds"], "fits"),
    )
    names = [f"{point.probe}/{point.fraction:g}" for point in points]
    columns = {
        f"{name}@{number}": values
        for name, point in zip(names, points, strict=True)
        for number, values in enumerate(point.values)
    }
    write_columns(snakemake.output.predictions, columns)
    sizes = {name: [point.tokens, point.documents] for name, point in zip(names, points, strict=True)}
    write_json(snakemake.output.summary, sizes)


with job(snakemake):
    main()
