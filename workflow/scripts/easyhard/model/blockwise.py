"""A LEGO trained block by block: each block on the tokens that the exit before it has found hard."""

import math
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from easyhard.model.curve import Epoch, best_epoch
from easyhard.model.leaving import Exit, confidence, exit_label, fit_classifier, repack, run_leaving
from easyhard.model.lego import Lego, Stage
from easyhard.model.training import Sequences, mean_loss, train

NO_TARGET = -1
Figures = dict[str, float]


def train_blocks(
    lego: Lego,
    train_set: Sequences,
    validation_set: Sequences,
    *,
    settings: Mapping[str, Any],
    batch_size: int,
    seed: int,
    checkpoint: Path,
    identity: str,
) -> tuple[list[Epoch], dict[str, Any]]:
    """Train block after block in place; return all epochs, and what came of it.

    Of a block's sequences, `held_out` of them, drawn by the seed, stop its training. Then an exit is fitted on all of
    them: a classifier of `label`, or none, and the threshold that calls `hard_ratio` of the tokens hard. The next block
    gets the hard tokens' states, `repacked` into sequences of their own, or whole sequences, whose easy tokens have no
    part in the loss and the state that is `kept` of them. settings: those of training; the above under `blocks`.

    Returned are the `exits` before the last block, each with threshold and classifier, and `figures`, nats as
    perplexities: `block_b_held_out` of each block on its held-out sequences; on the validation
    sequences `final`, tokens leaving where they may, `accuracy`, `layers_saved`, and what `_apart` says.
    """
    own = settings["blocks"]
    data, curve = train_set, list[Epoch]()
    exits: list[Exit] = []
    figures: Figures = {}
    first_head = lego.head
    for number in range(len(lego.blocks)):
        stage = Stage(lego, number)
        order = torch.randperm(len(data.inputs), generator=torch.Generator().manual_seed(seed + number))
        held = round(own["held_out"] * len(order))
        parts = data[order[held:]], data[order[:held]]
        rates = own["learning_rates"]
        epochs = train(
            stage,
            *parts,
            settings={**settings, "learning_rate": rates[number] if rates else settings["learning_rate"]},
            batch_size=batch_size,
            seed=seed + number,
            checkpoint=checkpoint.with_name(f"{checkpoint.name}.{number}"),
            identity=f"{identity} block {number}",
        )
        figures[f"block_{number}_held_out"] = math.exp(best_epoch(epochs).validation_loss)
        curve += [replace(point, epoch=len(curve) + place) for place, point in enumerate(epochs, start=1)]
        if number == len(lego.blocks) - 1:
            break
        after, head = _states(stage, data, batch_size), stage.head.detach()
        flat, targets = after.flatten(0, 1), data.targets.flatten()
        classifier = None
        if own["label"] != "softmax":
            label = exit_label(flat, targets, head, own["label"]).view(data.targets.shape)
            classifier = fit_classifier(after, label, own["classifier"] | {"batch_size": batch_size}, seed + number)
        sure = confidence(flat, head, classifier)
        exits.append(Exit(float(np.quantile(sure.cpu().numpy(), own["hard_ratio"])), classifier))
        hard = (sure < exits[-1].threshold).view(data.targets.shape)
        figures[f"threshold_{number}"] = exits[-1].threshold
        first_head = head.clone() if number == 0 else first_head
        before = lego.embedding(data.inputs) if number == 0 else data.inputs
        data = next_sequences(own, before, after, data.targets, hard)
    figures |= _apart(lego, exits, validation_set, own["kept"], batch_size, first_head)
    fitted = [
        {"threshold": own.threshold, "classifier": own.classifier and [value.tolist() for value in own.classifier]}
        for own in exits
    ]
    return curve, {"exits": fitted, "figures": figures}


def next_sequences(own: Mapping[str, Any], before: Tensor, after: Tensor, targets: Tensor, hard: Tensor) -> Sequences:
    """What the next block is trained on: states `before` and `after` this one (sequences, length, dim), targets and
    which tokens are hard (sequences, length)."""
    if own["repacked"]:
        return repack(after, targets, hard)
    states = after if own["kept"] == "output" else torch.where(hard[..., None], after, before)
    return Sequences(states, targets.masked_fill(~hard, NO_TARGET))


@torch.no_grad()
def _states(stage: Stage, data: Sequences, batch_size: int) -> Tensor:
    return torch.cat([stage(inputs) for inputs in data.inputs.split(batch_size)])


@torch.no_grad()
def _apart(lego: Lego, exits: list[Exit], data: Sequences, kept: str, batch_size: int, first_head: Tensor) -> Figures:
    """What each choice does to the perplexity on the validation text, from the same weights.

    `final`, `accuracy`, `leaving_b` (share of the tokens), `layers_saved`; `final_kept_input` and `_output`; `nobody`:
    all tokens through all blocks; `block_0` on all tokens, on those that leave after it (`_leaving`) and on the others
    (`_staying`), each with the head that it trained and (`_later_head`) with the one it has after later blocks have
    trained; `last_staying`: the tokens that leave at the last exit.
    """
    runs = {way: run_leaving(lego, exits, data, way, batch_size) for way in ("input", "output")}
    found, layers = runs[kept], torch.tensor([len(block.layers) for block in lego.blocks])
    used = layers.cumsum(0)[found.block.cpu()].double() / int(layers.sum())
    nobody = run_leaving(lego, [None] * len(exits), data, kept, batch_size)
    figures = {
        "final": _perplexity(found.loss),
        "accuracy": found.right.double().mean().item(),
        "layers_saved": 1 - used.mean().item(),
        "nobody": _perplexity(nobody.loss),
        **{f"final_kept_{way}": _perplexity(run.loss) for way, run in runs.items()},
        **{f"leaving_{block}": (found.block == block).double().mean().item() for block in range(len(layers))},
    }
    stays = found.block > 0
    figures["last_staying"] = _perplexity(found.loss[found.block == len(layers) - 1])
    later_head = lego.head_of(0).detach().clone()
    for name, head in (("block_0", first_head), ("block_0_later_head", later_head)):
        stage = Stage(lego, 0)
        stage.head = torch.nn.Parameter(head)
        for tokens, chosen in (("", torch.ones_like(stays)), ("_leaving", ~stays), ("_staying", stays)):
            if bool(chosen.any()):
                own = Sequences(data.inputs, data.targets.masked_fill(~chosen, NO_TARGET))
                figures[name + tokens] = math.exp(mean_loss(stage, own, batch_size))
    return figures


def _perplexity(loss: Tensor) -> float:
    return math.exp(loss.double().mean().item()) if loss.numel() else math.nan
