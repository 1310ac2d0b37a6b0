"""What a token costs that leaves at an exit, in multiply-adds, by the model's own shapes."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Column = NDArray[np.float64]


@dataclass(frozen=True)
class Costs:
    """Of a token: each layer's linear maps and attention at its position, `layers`; the keys and values that a layer
    which it skips must still make of its state, because later tokens read them, `keys_values`; one pass over the
    vocabulary, `head`."""

    layers: Sequence[float]
    keys_values: Sequence[float]
    head: float

    @classmethod
    def of(cls, stored: Mapping[str, Any], context: float) -> "Costs":
        """From what the fit of probes at exits has written down; `context`: to how many tokens, itself among them, one
        attends on average."""
        attention = [cost * context for cost in stored["attention"]]
        layers = [linear + own for linear, own in zip(stored["layers"], attention, strict=True)]
        return cls(layers, stored["keys_values"], stored["head"])

    @property
    def whole(self) -> float:
        """Of the whole model, head included."""
        return sum(self.layers) + self.head

    def at(self, exits: Sequence[int]) -> Column:
        """Of leaving at each of these layers when nothing was asked at any: layers run, keys and values, one pass."""
        return np.array([sum(self.layers[:exit]) + sum(self.keys_values[exit:]) for exit in exits]) + self.head

    def asked(self, exits: Sequence[int], signal: Sequence[float], extra: float, passes: bool) -> Column:
        """Of leaving at each of these layers, the last of them the model's, by a signal that is read at those before.

        signal: its cost at each exit but the last; `extra`: what the head costs at an exit beyond a pass; `passes`: the
        signal is made from the pass that the exit takes, which is then not counted twice.
        """
        own = self.at(exits) + extra
        own[-1] -= extra
        read = np.append(np.cumsum(signal), sum(signal))
        return own + read - np.append(np.full(len(signal), self.head + extra if passes else 0.0), 0.0)

    def layers_alone(self, exits: Sequence[int]) -> Column:
        """The layers run as a share of all, each as much as it costs."""
        return np.array([sum(self.layers[:exit]) for exit in exits]) / sum(self.layers)
