"""Run the model over test documents, tokens leaving in truth by each chosen policy, and write where and with what."""

import numpy as np
from numpy.typing import NDArray
from snakemake.iocontainers import Snakemake

from easyhard.atomic import read_json
from easyhard.device import use_device
from easyhard.exit_choice import chosen_exits
from easyhard.exits.heads import open_heads
from easyhard.exits.leaving import leave_by
from easyhard.exits.model import document_batches, open_model
from easyhard.job import run
from easyhard.policies.policy import Policy
from easyhard.probes.documents import some_documents
from easyhard.probes.exits import ExitProbes
from easyhard.signals.store import write_columns
from easyhard.signals.tokens import TEST, read_tokens


def main(snakemake: Snakemake) -> None:
    files, settings = dict(snakemake.input.items()), snakemake.params.settings
    device = use_device(snakemake.threads, snakemake.resources.get("gpu", 0))
    model = open_model(files, settings, device)
    heads = open_heads(files, settings, model, chosen_exits(settings["chosen"], model.layers), device)
    probes = ExitProbes.load(files["probes"], device)
    rows = some_documents(read_tokens(files["rows"]), TEST, settings["exits"]["true_tokens"], settings["seed"])
    columns: dict[str, NDArray[np.generic]] = {"row": rows}
    entries = read_json(files["policies"])["points"]
    for number, entry in enumerate(entries):
        policy = Policy.from_json(entry["policy"])
        label = f"true exits {number + 1} of {len(entries)}, {policy.name} at {entry['point']}"
        left = list(leave_by(policy, model, heads, probes, document_batches(files, settings, label, rows=rows)))
        own = zip(("loss", "argmax", "exit"), zip(*left, strict=True), strict=True)
        columns |= {f"{number}/{name}": np.concatenate(parts) for name, parts in own}
    write_columns(snakemake.output[0], columns)


run(main)
