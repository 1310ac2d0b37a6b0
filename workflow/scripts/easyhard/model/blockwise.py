"""A LEGO trained block by block: each block on the tokens that the exit before it has found hard."""

import math
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from easyhard.errors import InputError
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
    part in the loss or in later exits, and the state that is `kept` of them. settings: those of training; the above
    under `blocks`. Raises InputError where a block's sequences are too few to hold some out.

    Returned are `label`, the `exits` before the last block, each with threshold and classifier, and `figures`, nats as
    perplexities: `block_b_held_out` of each block on its held-out sequences, `threshold_b` of each exit, and what
    `_apart` says of the validation sequences.
    """
    own = settings["blocks"]
    data, curve = train_set, list[Epoch]()
    exits: list[Exit] = []
    figures: Figures = {}
    first_head: Tensor = lego.head
    for number in range(len(lego.blocks)):
        stage = Stage(lego, number)
        order = torch.randperm(len(data.inputs), generator=torch.Generator().manual_seed(seed + number))
        held = round(own["held_out"] * len(order))
        if not 0 < held < len(order):
            raise InputError(
                f"training.blocks.held_out: {own['held_out']} of the {len(order)} sequences of block {number} is "
                f"{held}; some to train on and some to stop by are wanted"
            )
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
        after, head, inside = _states(stage, data, batch_size), stage.head.detach(), data.targets >= 0
        classifier = None
        if own["label"] != "softmax":
            label = torch.zeros(inside.shape, device=after.device)
            label[inside] = exit_label(after[inside], data.targets[inside], head, own["label"])
            how = own["classifier"] | {"batch_size": batch_size}
            classifier = fit_classifier(after, label, inside, how, seed + number)
        sure = confidence(after.flatten(0, 1), head, classifier).view(inside.shape)
        exits.append(Exit(float(np.quantile(sure[inside].cpu().numpy(), own["hard_ratio"])), classifier))
        hard = sure < exits[-1].threshold
        figures[f"threshold_{number}"] = exits[-1].threshold
        first_head = head.clone() if number == 0 else first_head
        before = lego.embedding(data.inputs) if number == 0 else data.inputs
        data = next_sequences(own, before, after, data.targets, hard)
    figures |= _apart(lego, exits, validation_set, own["kept"], batch_size, first_head)
    fitted = [
        {"threshold": own.threshold, "classifier": own.classifier and [value.tolist() for value in own.classifier]}
        for own in exits
    ]
    return curve, {"label": own["label"], "exits": fitted, "figures": figures}


def next_sequences(own: Mapping[str, Any], before: Tensor, after: Tensor, targets: Tensor, hard: Tensor) -> Sequences:
    """What the next block is trained on.

    States `before` and `after` this one (sequences, length, dim); targets, below 0 where a token has left already, and
    which tokens are hard (sequences, length), which means nothing of these.
    """
    if own["repacked"]:
        return repack(after, targets, hard)
    inside = targets >= 0
    hard = hard & inside
    moved = hard if own["kept"] == "input" else inside
    return Sequences(torch.where(moved[..., None], after, before), targets.masked_fill(~hard, NO_TARGET))


@torch.no_grad()
def _states(stage: Stage, data: Sequences, batch_size: int) -> Tensor:
    return torch.cat([stage(inputs) for inputs in data.inputs.split(batch_size)])


@torch.no_grad()
def _apart(lego: Lego, exits: list[Exit], data: Sequences, kept: str, batch_size: int, first_head: Tensor) -> Figures:
    """What each choice does to the perplexity on the validation text, from the same weights.

    `final`, `accuracy`, `leaving_b` (share of the tokens), `layers_saved`; `final_kept_input` and `_output`; `nobody`:
    all tokens through all blocks; `block_0` on all tokens, on those that leave after it (`_leaving`) and on the others
    (`_staying`), each with the head that it trained and (`_later_head`) with the one it has after later blocks have
    trained; `final_first_head`: `final` if that exit had the first of the two, the same tokens leaving;
    `last_staying`: the tokens that leave at the last exit.
    """
    runs = {way: run_leaving(lego, exits, data, way, batch_size) for way in ("input", "output")}
    found, layers = runs[kept], torch.tensor(lego.sizes)
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
    stays, last = found.block > 0, found.block == len(layers) - 1
    if bool(last.any()):
        figures["last_staying"] = _perplexity(found.loss[last])
    later_head = lego.head_of(0).detach().clone()
    for name, head in (("block_0", first_head), ("block_0_later_head", later_head)):
        stage = Stage(lego, 0)
        stage.head = torch.nn.Parameter(head)
        for tokens, chosen in (("", torch.ones_like(stays)), ("_leaving", ~stays), ("_staying", stays)):
            if bool(chosen.any()):
                own = Sequences(data.inputs, data.targets.masked_fill(~chosen, NO_TARGET))
                figures[name + tokens] = math.exp(mean_loss(stage, own, batch_size))
    if not bool(stays.all()):
        drift = math.log(figures["block_0_later_head_leaving"] / figures["block_0_leaving"])
        figures["final_first_head"] = figures["final"] * math.exp(-drift * figures["leaving_0"])
    return figures


def _perplexity(loss: Tensor) -> float:
    return math.exp(loss.double().mean().item())
