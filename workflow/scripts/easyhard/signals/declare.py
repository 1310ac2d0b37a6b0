"""How a signal is declared: one function whose parameter names say what it reads, under a decorator."""

import inspect
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any, Literal, TypeVar

from easyhard.errors import InputError

Needs = Literal["target", "head", "low_rank", "hidden", "context", "layers", "all"]
FOUNDING = "founding analysis, 2024-12"
HERE = "this workflow"

# What signals may read. The logits' statistics are of easyhard.logits.formulas, named here once more because evaluation
# and report read the registry and do without torch.
TARGET_STATISTICS = ("target_logit", "target_probability", "loss")
LOGIT_STATISTICS = (
    *("log_sum_exp", "max_logit", "max_probability", "mean_logit", "max_minus_mean", "logit_std", "entropy", "renyi2"),
    *("argmax", "margin", "top_logits", "tail_mass", *TARGET_STATISTICS),
)
SCALED = "scaled_"
HIDDEN_VALUES = (
    *("hidden", "head_mean", "head_covariance"),
    *("reference_mean", "reference_whitening", "reference_states"),
)
DEPTH_VALUES = ("previous_depth", "neutral_depth")
CONTEXT_VALUES = ("document", "position", "token", "row_in_document", "previous_loss", "neutral_loss", *DEPTH_VALUES)
LAYER_VALUES = ("state", "before")
EXIT_VALUES = ("first_choices", "kl_before")
SHARED_VALUES = ("words", "train_surprisal")
KINDS = {
    "logits": (*LOGIT_STATISTICS, *(SCALED + name for name in LOGIT_STATISTICS)),
    "hidden states": HIDDEN_VALUES,
    "context": CONTEXT_VALUES,
    "layers": LAYER_VALUES,
    "exits": EXIT_VALUES,
}
CLASSES: dict[str, Needs] = {"hidden states": "hidden", "context": "context", "layers": "layers", "exits": "head"}
"""The cost class of what reads a kind of values; of the logits it depends on the statistic."""


@dataclass(frozen=True)
class Sizes:
    """What the cost of signals depends on: hidden size, vocabulary, words refined after a preview, reference states,
    units of the hidden layer of probes at exits."""

    dim: int
    words: int
    refined: int = 0
    references: int = 0
    units: int = 0


@dataclass(frozen=True)
class Signal:
    """One number per token, meant to tell easy tokens (low loss) from hard ones.

    `needs` is its cost class: `target` (the right word, so an oracle only), `head` (a pass over the vocabulary),
    `low_rank` (a pass over it in fewer dimensions), `hidden` (the hidden state alone), `context` (earlier tokens too),
    `layers` (other layers' states) or `all` (a stack of all of these). `high_means_easy` says whether a high value
    stands for a low loss; None where theory does not say, and the direction is learnt on the rows that probes are
    fitted on.
    `function` takes what `reads` names and gives one number a token; None for what is trained or brought along.
    `multiply_adds` tells the cost per token from the sizes; None where nobody says.
    """

    name: str
    title: str
    formula: str
    needs: Needs
    high_means_easy: bool | None
    source: str
    reads: tuple[str, ...] = ()
    multiply_adds: Callable[[Sizes], int] | None = None
    function: Callable[..., Any] | None = None

    @property
    def at_exits_only(self) -> bool:
        """Whether it says something of an exit beside other layers, so that a model's last state alone has none."""
        return self.needs == "layers" or not {*EXIT_VALUES, *DEPTH_VALUES}.isdisjoint(self.reads)


REGISTERED: dict[str, Signal] = {}
Function = TypeVar("Function", bound=Callable[..., Any])


def register(entry: Signal) -> Signal:
    """Put a signal into the registry and return it. Raises InputError when its name is taken by another one."""
    if REGISTERED.setdefault(entry.name, entry) != entry:
        raise InputError(f"signal {entry.name!r} is declared twice; every signal wants a name of its own")
    return entry


def signal(
    *,
    title: str,
    formula: str,
    high_means_easy: bool | None,
    source: str,
    name: str = "",
    multiply_adds: Callable[[Sizes], int] | None = None,
) -> Callable[[Function], Function]:
    """Decorate the function of a signal to register it; it is called `name`, or as the function is.

    The names of the function's parameters say what it reads, and what it reads says its cost class:

    - logits: LOGIT_STATISTICS as `logits.statistics.logit_statistics` gives them, (tokens,) tensors, `top_logits`
      (tokens, 10), `tail_mass` (tokens, 4) at head.TAIL_THRESHOLDS; with `scaled_` before it, the same at the fitted
      temperature (`scaled_tail_mass` at head.SCALED_TAIL_THRESHOLDS). Class `head`, or `target` where the statistic
      looks at the target. Costs V d multiply-adds, if not said otherwise.
    - hidden states: `hidden` (tokens, dim); of the head's rows `head_mean` (dim,) and `head_covariance` (dim, dim); of
      train states `reference_mean` (dim,), `reference_whitening` (dim, dim), `reference_states` (M, dim). All float64
      tensors, reference_states float32. Class `hidden`; `multiply_adds` must be said.
    - context: arrays (rows,) `document`, `position` (in its window), `token` (the current input), `row_in_document`
      (0, 1, …), `previous_loss` (of the row before, the latest loss that is known), and the number `neutral_loss` that
      stands there at a document's first row; of a model with exits `previous_depth`, the layers that the row before
      needed, and `neutral_depth`. No row sees a later one. Class `context`; counts as 0 multiply-adds.
    - layers: `state` (tokens, dim) at an exit and `before`, after the layer before it: float64 tensors, as the layers
      give them, without a norm. Class `layers`; `multiply_adds` must be said.
    - exits: `first_choices`, the most probable words (tokens,) at each exit up to this one, at least two, and
      `kl_before` (tokens,), KL(p ‖ p of the exit before), nats. Class `head`; costs V d multiply-adds, if not said
      otherwise.
    - with any of these: `words` (the vocabulary's size V) and `train_surprisal` (V,), nats.

    Raises InputError naming the signal when a parameter is none of these, when they are not of one kind, or when the
    name is taken.
    """

    def declare(function: Function) -> Function:
        own = name or function.__name__
        reads = tuple(inspect.signature(function).parameters)
        needs = _needs(own, reads)
        if needs in ("hidden", "layers") and multiply_adds is None:
            raise InputError(f"signal {own!r}: no multiply_adds; a function of Sizes is wanted, like lambda s: s.dim")
        cost = multiply_adds or (lambda sizes: 0 if needs == "context" else sizes.words * sizes.dim)
        register(Signal(own, title, formula, needs, high_means_easy, source, reads, cost, function))
        return function

    return declare


def _needs(name: str, reads: tuple[str, ...]) -> Needs:
    """The cost class of a signal that reads these."""
    own = set(reads) - set(SHARED_VALUES)
    kinds = [kind for kind, values in KINDS.items() if own & set(values)]
    unknown = sorted(own - {value for values in KINDS.values() for value in values})
    if unknown:
        others = (value for kind in CLASSES for value in KINDS[kind])
        known = (*LOGIT_STATISTICS, *others, *SHARED_VALUES)
        raise InputError(
            f"signal {name!r}: it reads {', '.join(unknown)}; names out of {', '.join(known)} are wanted, "
            f"those of the logits with {SCALED} before them or not"
        )
    if len(kinds) != 1:
        raise InputError(
            f"signal {name!r}: it reads {' and '.join(kinds) or 'nothing'}; values of one kind, {', '.join(KINDS)}, "
            "are wanted"
        )
    if kinds == ["logits"]:
        return "target" if {read.removeprefix(SCALED) for read in own} & set(TARGET_STATISTICS) else "head"
    return CLASSES[kinds[0]]


def computable(needs: Collection[Needs], values: Collection[str]) -> list[Signal]:
    """The registered signals of these cost classes that have a function and read nothing beside `values`."""
    return [
        entry
        for entry in REGISTERED.values()
        if entry.function is not None and entry.needs in needs and set(entry.reads) <= set(values)
    ]


def compute(signals: Collection[Signal], values: Mapping[str, Any], rows: int) -> dict[str, Any]:
    """Name -> (rows,) of each signal, from the values that it reads.

    Raises InputError naming a signal that gives something else than one number a row.
    """
    found = {}
    for entry in signals:
        assert entry.function is not None, entry.name
        found[entry.name] = entry.function(**{read: values[read] for read in entry.reads})
        shape = tuple(getattr(found[entry.name], "shape", ()))
        if shape != (rows,):
            raise InputError(
                f"signal {entry.name!r}: its function gives shape {shape}; ({rows},), one a row, is wanted"
            )
    return found
