"""What each signal is: its formula, what it needs, and which way it points. A new signal is one entry here."""

from dataclasses import dataclass
from typing import Literal

from easyhard.errors import InputError

Needs = Literal["target", "head", "hidden", "context", "layers"]

FOUNDING = "founding analysis, 2024-12"


@dataclass(frozen=True)
class Signal:
    """One number per token, meant to tell easy tokens (low loss) from hard ones.

    `needs` is its cost class: `target` (the right word, so an oracle only), `head` (a pass over the vocabulary),
    `hidden` (the hidden state alone), `context` (earlier tokens only) or `layers` (other layers' states).
    `high_means_easy` says whether a high value stands for a low loss.
    """

    name: str
    title: str
    formula: str
    needs: Needs
    high_means_easy: bool
    source: str


SIGNALS: tuple[Signal, ...] = (
    Signal("oracle", "loss itself", "−log p_y", "target", False, FOUNDING),
    Signal("target_probability", "probability of the target", "p_y", "target", True, FOUNDING),
    Signal("max_probability", "max probability", "max p", "head", True, "Hendrycks & Gimpel, arXiv:1610.02136"),
    Signal("max_logit", "max logit", "max z", "head", True, "Hendrycks et al., arXiv:1911.11132"),
    Signal("max_minus_mean", "max − mean", "max z − mean z", "head", True, FOUNDING),
    Signal("margin", "margin", "z₁ − z₂", "head", True, FOUNDING),
    Signal(
        "entropy", "entropy", "LSE(z) − Σ p z", "head", False, "Shannon, 1948, doi:10.1002/j.1538-7305.1948.tb01338.x"
    ),
    Signal("exit_classifier", "exit classifier", "w·h + b, fitted to the loss", "hidden", False, FOUNDING),
)


def find(name: str) -> Signal:
    """Return the signal called `name`. Raises InputError that lists the known names."""
    for signal in SIGNALS:
        if signal.name == name:
            return signal
    raise InputError(f"signal {name!r} is not known; wanted one of {', '.join(signal.name for signal in SIGNALS)}")
