"""Run the model over test documents with each layer alone left out, and write the losses beside the whole model's."""

from collections.abc import Iterator

import numpy as np
import torch
from numpy.typing import NDArray
from snakemake.iocontainers import Snakemake
from torch.nn.functional import cosine_similarity

from easyhard.device import use_device
from easyhard.exits.model import open_model, read_documents
from easyhard.job import run
from easyhard.logits.statistics import logit_statistics
from easyhard.model.store import read_head, read_softcap
from easyhard.probes.documents import some_documents
from easyhard.signals.store import write_columns
from easyhard.signals.tokens import TEST, read_tokens


def main(snakemake: Snakemake) -> None:
    files, settings = dict(snakemake.input.items()), snakemake.params.settings
    device = use_device(snakemake.threads, snakemake.resources.get("gpu", 0))
    model, head = open_model(files, settings, device), read_head(files["head"]).to(device)
    softcap, last = read_softcap(files["head"]), model.layers
    rows = some_documents(read_tokens(files["rows"]), TEST, settings["exits"]["left_out_tokens"], settings["seed"])

    def losses(left_out: int | None) -> Iterator[NDArray[np.float32]]:
        label = "whole model" if left_out is None else f"without layer {left_out}"
        for states, targets, _ in read_documents(files, settings, model, [last], label, rows=rows, left_out=left_out):
            target = torch.tensor(targets, dtype=torch.int64, device=device)
            found = logit_statistics(model.seen(states[last]), head, target, statistics=["loss"], softcap=softcap)
            yield found["loss"].float().cpu().numpy()

    columns: dict[str, NDArray[np.generic]] = {"row": rows, "loss": np.concatenate(list(losses(None)))}
    influence: dict[int, list[NDArray[np.float32]]] = {layer: [] for layer in range(1, last + 1)}
    for states, _, _ in read_documents(files, settings, model, range(last + 1), "block influence", rows=rows):
        for layer, own in influence.items():
            cosine = cosine_similarity(states[layer].float(), states[layer - 1].float(), dim=1)
            own.append((1 - cosine).cpu().numpy())
    for layer, own in influence.items():
        columns[f"{layer}/loss"] = np.concatenate(list(losses(layer)))
        columns[f"{layer}/influence"] = np.concatenate(own)
    write_columns(snakemake.output[0], columns)


run(main)
