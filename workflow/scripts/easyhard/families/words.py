"""Of test tokens, the most probable word, and losses of targets that are drawn from the model itself."""

import numpy as np

from easyhard.families.states import Batch, Context, Family, Tables
from easyhard.logits.draws import draw_targets
from easyhard.logits.statistics import logit_statistics
from easyhard.signals.tokens import TEST, read_parts


def open_family(context: Context) -> Family:
    """`settings`: `draws` a token, `seed`."""
    head, softcap, settings = context.head, context.softcap, context.settings
    # draws are numbered through the test tokens of the run, so that they do not depend on the shards
    drawn = int((read_parts(context.files["tokens"])[: context.first] == TEST).sum())

    def say(batch: Batch) -> Tables:
        nonlocal drawn
        if not batch.test.any():
            return {}
        states = batch.hidden[batch.test]
        how = {"draws": settings["draws"], "seed": settings["seed"], "first_row": drawn, "softcap": softcap}
        _, losses = draw_targets(states, head, **how)
        argmax = logit_statistics(states, head, statistics=("argmax",), softcap=softcap)["argmax"]
        drawn += len(states)
        columns = {f"draw_{index}": column.cpu().numpy() for index, column in enumerate(losses.T)}
        return {"words": {"argmax": argmax.cpu().numpy().astype(np.int32), **columns}}

    return Family(say)
