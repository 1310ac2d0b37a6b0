"""The signals of the hidden state alone."""

from typing import Any

from easyhard.families.states import Batch, Context, Family, Tables
from easyhard.logits.moments import moments
from easyhard.model.store import read_tensors
from easyhard.signals.hidden_batch import References, hidden_signals


class _Hidden:
    def __init__(self, context: Context) -> None:
        self.head = moments(context.head)
        stored = read_tensors(context.files["references"])
        self.references = References(**{name: tensor.to(context.device) for name, tensor in stored.items()})

    def __call__(self, batch: Batch) -> Tables:
        found = hidden_signals(batch.hidden, self.head, self.references)
        return {"hidden": {name: values.cpu().numpy() for name, values in found.items()}}

    def summary(self) -> dict[str, Any]:
        return {}


def open_family(context: Context) -> Family:
    """Reads the reference states that were fitted before."""
    return _Hidden(context)
