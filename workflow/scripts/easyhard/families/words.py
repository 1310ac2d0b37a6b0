"""Of test tokens, the most probable word, and losses of targets that are drawn from the model itself."""

from typing import Any

import numpy as np

from easyhard.families.states import Batch, Context, Family, Tables
from easyhard.logits.draws import draw_targets
from easyhard.logits.statistics import logit_statistics
from easyhard.signals.tokens import TEST, read_parts


class _Words:
    def __init__(self, context: Context) -> None:
        self.context = context
        # draws are numbered through the test tokens of the run, so that they do not depend on the shards
        self.drawn = int((read_parts(context.files["tokens"])[: context.first] == TEST).sum())

    def __call__(self, batch: Batch) -> Tables:
        context, test = self.context, batch.test
        if not test.any():
            return {}
        states = batch.hidden[test]
        _, drawn = draw_targets(
            states,
            context.head,
            draws=context.settings["draws"],
            seed=context.settings["seed"],
            first_row=self.drawn,
            softcap=context.softcap,
        )
        argmax = logit_statistics(states, context.head, statistics=("argmax",), softcap=context.softcap)["argmax"]
        self.drawn += len(states)
        columns = {f"draw_{index}": column.cpu().numpy() for index, column in enumerate(drawn.T)}
        return {"words": {"argmax": argmax.cpu().numpy().astype(np.int32), **columns}}

    def summary(self) -> dict[str, Any]:
        return {}


def open_family(context: Context) -> Family:
    """`settings`: `draws` a token, `seed`."""
    return _Words(context)
