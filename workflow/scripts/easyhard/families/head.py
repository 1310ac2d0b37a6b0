"""The signals of the logits, plain and at the fitted temperature, by one pass over the vocabulary."""

from easyhard.atomic import read_json
from easyhard.families.states import Batch, Context, Family, Tables
from easyhard.signals.head_batch import head_signals
from easyhard.signals.store import read_columns


def open_family(context: Context) -> Family:
    """`settings` may name, under `only`, the signals that are wanted; else there are all that can be computed."""
    fitted, counts = context.files.get("fitted"), context.files.get("counts")
    temperature = read_json(fitted)["temperature"] if fitted else None
    has_targets = not fitted or temperature is not None  # without targets there was no temperature to fit
    known = read_columns(counts, ["count"], rows=len(context.head))["count"] if counts else None

    def say(batch: Batch) -> Tables:
        found = head_signals(
            batch.hidden,
            context.head,
            batch.target if has_targets else None,
            temperature=temperature,
            counts=known,
            softcap=context.softcap,
            only=context.settings.get("only"),
        )
        return {"signals": {name: values.cpu().numpy() for name, values in found.items()}}

    return Family(say)
