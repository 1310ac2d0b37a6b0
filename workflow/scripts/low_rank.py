"""Compute the logit metrics at every low rank of the output head, in one sweep."""

from typing import TYPE_CHECKING

from easyhard.device import use_device
from easyhard.job import job

if TYPE_CHECKING:
    from snakemake.iocontainers import Snakemake

    snakemake: Snakemake


def main() -> None:
    device = use_device(snakemake.threads, snakemake.resources.get("gpu", 0))


with job(snakemake):
    main()
