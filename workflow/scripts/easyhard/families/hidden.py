"""The signals of the hidden state alone."""

from easyhard.families.states import Batch, Context, Family, Tables
from easyhard.logits.moments import moments
from easyhard.model.store import read_tensors
from easyhard.signals.hidden_batch import References, hidden_signals


def open_family(context: Context) -> Family:
    """Reads the reference states that were fitted before."""
    head, stored = moments(context.head), read_tensors(context.files["references"])
    references = References(**{name: tensor.to(context.device) for name, tensor in stored.items()})

    def say(batch: Batch) -> Tables:
        found = hidden_signals(batch.hidden, head, references)
        return {"hidden": {name: values.cpu().numpy() for name, values in found.items()}}

    return Family(say)
