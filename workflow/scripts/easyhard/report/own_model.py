"""What the report says of a model that was trained elsewhere."""

from collections.abc import Mapping
from typing import Any

PACKINGS = {
    "document": "No window crosses documents.",
    "packed": "They are full, with documents joined by EOS, so that a token may see the document before its own.",
}


def model_in_words(settings: Mapping[str, Any], summary: Mapping[str, Any]) -> str:
    """Sentences on which model was run and how; `settings` of the run's model, `summary` of its head."""
    revision = f" at {settings['revision']}" if settings["revision"] else ""
    said = [
        f"Model: {settings['path']}{revision}, {summary['architecture']}, run in {settings['dtype']} on windows of "
        f"{settings['window']} tokens. {PACKINGS[settings['packing']]} How often a word was seen is counted in the "
        "train part of the text, not in what the model was trained on.",
        f"Hidden states are what the head sees, {summary['dim']} numbers; the head has {summary['words']:,} words"
        f"{' and a bias, a constant last coordinate of each state' if summary['bias'] else ''}.",
    ]
    if summary["softcap"]:
        said.append(
            f"Its logits are softly capped at {summary['softcap']:g}, and so are those of low rank; signals of hidden "
            "states and shares of energy speak of the logits before the cap."
        )
    return " ".join(said)
