"""Fit what the passes over the states read: the softmax's temperature, moments of states, states to measure from."""

from dataclasses import asdict

import torch
from snakemake.iocontainers import Snakemake

from easyhard.atomic import write_json
from easyhard.device import use_device
from easyhard.families.fitting import fit_head, fit_moments, fit_reference_states
from easyhard.job import run
from easyhard.model.store import read_head, read_softcap, write_tensors


def main(snakemake: Snakemake) -> None:
    files, settings, run = snakemake.input, snakemake.params.settings, {"run": snakemake.wildcards.run}
    device = use_device(snakemake.threads, snakemake.resources.get("gpu", 0))
    head = read_head(files.head).to(device)
    write_json(snakemake.output.head, fit_head(files.activations, files.tokens, head, read_softcap(files.head), device))
    found = asdict(fit_moments(files.activations, files.tokens, device))
    write_tensors(snakemake.output.moments, {name: torch.as_tensor(value) for name, value in found.items()}, run)
    states, tokens = (files.train, None) if files.get("train") else (files.activations, files.tokens)
    references = fit_reference_states(
        states, tokens, seed=settings["seed"], count=settings["references"], device=device
    )
    write_tensors(snakemake.output.references, asdict(references), run)


run(main)
