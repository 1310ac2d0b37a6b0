"""Train the language model and keep the weights of its best epoch."""

import hashlib
import json
import math
from pathlib import Path
from typing import Any

import torch
from snakemake.iocontainers import Snakemake

from easyhard.activations.layered import layered_lego
from easyhard.atomic import read_json, write_json
from easyhard.device import describe, use_device
from easyhard.job import run
from easyhard.model.blockwise import train_blocks
from easyhard.model.curve import best_epoch, write_curve
from easyhard.model.lego import Lego
from easyhard.model.store import write_tensors
from easyhard.model.training import Sequences, mean_loss, train
from easyhard.tokens.sequences import cut
from easyhard.tokens.store import read_stream


def sequences(tokens: str, sequences: int, cutting: dict[str, int], device: torch.device) -> Sequences:
    inputs, targets = cut(read_stream(tokens).token, sequences, cutting["length"], cutting["batch_size"])
    return Sequences(*(torch.tensor(part, dtype=torch.int64, device=device) for part in (inputs, targets)))


def main(snakemake: Snakemake) -> None:
    settings: dict[str, Any] = snakemake.params.settings
    tokens = read_json(snakemake.input.summary)
    device = use_device(snakemake.threads, snakemake.resources.get("gpu", 0))
    cutting = settings["sequences"]
    train_set, validation_set = (
        sequences(snakemake.input[split], cutting[split], cutting, device) for split in ("train", "validation")
    )
    model = Lego(tokens["vocabulary_size"], **settings["model"], seed=settings["seed"]).to(device)
    model.embedding.weight.requires_grad_(settings["training"]["embedding"] == "trained")
    identity = json.dumps([settings, snakemake.params.code, tokens["tokens_sha256"]], sort_keys=True)
    how = {
        "settings": settings["training"],
        "batch_size": cutting["batch_size"],
        "seed": settings["seed"],
        "checkpoint": Path(snakemake.params.checkpoint),
        "identity": hashlib.sha256(identity.encode()).hexdigest(),
    }
    found: dict[str, Any] = {}
    if settings["training"]["exits"] == "blocks":
        curve, found["exits"] = train_blocks(model, train_set, validation_set, **how)
        best_loss = mean_loss(model, validation_set, cutting["batch_size"])
    else:
        curve = train(model, train_set, validation_set, **how)
        best_loss = best_epoch(curve).validation_loss
    metadata = {"run": snakemake.wildcards.run, "code": snakemake.params.code, "tokens": tokens["tokens_sha256"]}
    write_tensors(snakemake.output.weights, model.state_dict(), metadata)
    write_tensors(snakemake.output.head, {"head": model.head}, metadata)
    write_curve(snakemake.output.curve, curve)
    layers = layered_lego(model)
    costs = {"layers": list(layers.multiply_adds), "keys_values": list(layers.keys_values)}
    summary = found | {
        "costs": costs | {"attention": list(layers.attention), "head": model.head.numel()},
        "validation_perplexity": math.exp(best_loss),
        "best_epoch": best_epoch(curve).epoch,
        "epochs": len(curve),
        "train_sequences": len(train_set.inputs),
        "train_tokens": train_set.inputs.numel(),
        "validation_sequences": len(validation_set.inputs),
        "validation_tokens": validation_set.inputs.numel(),
        "trained_parameters": sum(weight.numel() for weight in model.parameters() if weight.requires_grad),
        "seconds": sum(point.seconds for point in curve),
        "device": describe(device),
    }
    write_json(snakemake.output.summary, summary)
    for checkpoint in Path(snakemake.params.checkpoint).parent.glob(f"{Path(snakemake.params.checkpoint).name}*"):
        checkpoint.unlink()


run(main)
