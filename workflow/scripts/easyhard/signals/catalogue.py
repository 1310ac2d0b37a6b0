"""Which probes there are, by name, and what each costs. No torch: the registry of signals reads it.

A probe is called family_task: the family says what network reads what, the task what it is trained to say. PROBES are
those of a model's last state, EXIT_PROBES those at an exit, where loss and argmax are of that exit. The latter have a
probe an exit, fitted by cross-entropy or squared error; BERxiT's learning to exit, linear_correct, and CALM's
classifier, linear_agrees, share theirs among the exits, and BERxiT fits its by squared error.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from easyhard.signals.declare import HERE, Needs, Signal, Sizes, register

Architecture = Literal["linear", "mlp", "mixture"]
Kind = Literal["regression", "classification"]
Cost = Callable[[Sizes], int]


@dataclass(frozen=True)
class Task:
    """What a probe may be trained to say, how, and whether a high prediction stands for a low loss."""

    kind: Kind
    high_means_easy: bool
    title: str
    formula: str
    source: str = HERE


@dataclass(frozen=True)
class Family:
    """A network, and whether it reads context columns beside the hidden state, or what the exit's layer has changed in
    it; `tasks` are those it is trained on."""

    architecture: Architecture
    reads_context: bool
    tasks: tuple[str, ...]
    title: str
    formula: str
    reads_change: bool = False


HINTON = "Hinton et al., arXiv:1503.02531"
TASKS = {
    "loss": Task("regression", False, "loss", "the loss"),
    "log1p_loss": Task("regression", False, "log(1 + loss)", "log(1 + loss)"),
    "easy": Task("classification", True, "easy", "loss ≤ τ"),
    "correct": Task("classification", True, "argmax right", "argmax right", "BERxiT, Xin et al., EACL 2021"),
    "entropy": Task("regression", False, "entropy", "the entropy", f"distillation, {HINTON}"),
    "tail_mass": Task("classification", False, "tail mass", "the tail mass at τ", f"distillation, {HINTON}"),
    "guided_loss": Task("regression", False, "loss, guided", "a blend of loss and entropy", f"after {HINTON}"),
    "guided_easy": Task(
        "classification", True, "easy, guided", "a blend of loss ≤ τ and 1 − tail mass at τ", f"after {HINTON}"
    ),
    "guided_both": Task(
        "regression", False, "loss and easy, guided", "both blends, each of the same spread", f"after {HINTON}"
    ),
}
GUIDED = ("guided_loss", "guided_easy", "guided_both")
PLAIN = tuple(task for task in TASKS if task not in GUIDED)
FEW_WORDS = "softmax over a few learnt words of h"
FAMILIES = {
    "linear": Family("linear", False, PLAIN, "linear probe:", "w·h + b"),
    "mlp": Family("mlp", False, (*PLAIN, *GUIDED), "MLP:", "one hidden layer on h"),
    "mixture": Family("mixture", False, GUIDED, "mixture:", FEW_WORDS),
    "mlp_context": Family("mlp", True, ("loss", "easy"), "MLP with context:", "one hidden layer on h and context"),
    "mixture_context": Family("mixture", True, GUIDED, "mixture with context:", f"{FEW_WORDS} and context"),
}

EXIT_TASKS = {
    "agrees": Task("classification", True, "agrees", "argmax that of the last exit", "after CALM, arXiv:2207.07061"),
    "stays": Task("classification", True, "stays", "argmax that of all later exits", "after arXiv:2410.20210"),
    "excess": Task("regression", False, "excess loss", "loss − loss of the last exit"),
}
"""What only probes at exits are trained to say; labels and losses look at later exits and at the target."""

AT_EXITS = (*EXIT_TASKS, "loss")
EXIT_FAMILIES = {
    "linear": Family("linear", False, (*AT_EXITS, "correct"), "linear probe:", "w·h + b"),
    "mlp": Family("mlp", False, AT_EXITS, "MLP:", "one hidden layer on h"),
    "linear_change": Family(
        "linear", False, AT_EXITS, "linear probe with change:", "w·[h_l, h_l − h_{l−1}] + b", reads_change=True
    ),
    "mlp_change": Family(
        "mlp", False, AT_EXITS, "MLP with change:", "one hidden layer on [h_l, h_l − h_{l−1}]", reads_change=True
    ),
}
KNOWN_AS = {
    "linear_agrees": ("early-exit classifier (CALM)", "CALM, Schuster et al., arXiv:2207.07061"),
    "linear_correct": ("learning to exit (BERxiT)", TASKS["correct"].source),
}
"""Title and source of the probes that papers have a name for."""

ORDER: tuple[Needs, ...] = ("head", "low_rank", "context", "hidden")  # the dearest first

HIDDEN_CONTEXT = "hidden_context"
"""To stacks, the class of what is trained on hidden states and context together; its cost class is context."""

STACKS: dict[str, frozenset[str]] = {
    "stack_hidden": frozenset({"hidden"}),
    "stack_low_rank": frozenset({"hidden", "low_rank"}),
    "stack_context": frozenset({"context"}),
    "stack_hidden_context": frozenset({"hidden", "context", HIDDEN_CONTEXT}),
    "stack_head": frozenset({"head"}),
    "stack_all": frozenset({"hidden", "low_rank", "context", HIDDEN_CONTEXT, "head"}),
}
"""Which classes of signals each stack reads."""

PROBES = {f"{name}_{task}": (name, task) for name, family in FAMILIES.items() for task in family.tasks}
"""Name of each probe of a model's last state → its family and its task."""

EXIT_PROBES = {f"{name}_{task}": (name, task) for name, family in EXIT_FAMILIES.items() for task in family.tasks}
"""The same of probes at an exit, where h, loss and argmax are those of the exit."""


def multiply_adds(architecture: Architecture, width: int, hidden: int) -> int:
    """Return the multiplications of one token's prediction from `width` inputs: every weight once, offsets aside.

    `hidden` is the hidden layer's size; a linear probe has none.
    """
    return width if architecture == "linear" else (width + 1) * hidden


def task_kind(task: str) -> Kind:
    """Return what kind of task the one called `task`, at exits or not, is."""
    return (TASKS.get(task) or EXIT_TASKS[task]).kind


def family_and_task(probe: str) -> tuple[Family, str]:
    """Return the family and the task of the probe called `probe`, one of PROBES."""
    family, task = PROBES[probe]
    return FAMILIES[family], task


def exit_family_and_task(probe: str) -> tuple[Family, str]:
    """The same of a probe at an exit, one of EXIT_PROBES."""
    family, task = EXIT_PROBES[probe]
    return EXIT_FAMILIES[family], task


def stack_class(name: str, needs: str) -> str:
    """Return the class of a signal to stacks: its cost class `needs`, or HIDDEN_CONTEXT."""
    return HIDDEN_CONTEXT if name in PROBES and family_and_task(name)[0].reads_context else needs


def _register_probe(probe: str, network: Family, wanted: Task, needs: Needs, cost: Cost | None = None) -> None:
    title, source = KNOWN_AS.get(probe, (f"{network.title} {wanted.title}", wanted.source))
    formula = f"{network.formula}, fitted to {wanted.formula}"
    register(Signal(probe, title, formula, needs, wanted.high_means_easy, source, multiply_adds=cost))


def _exit_cost(network: Family) -> Cost:
    return lambda sizes: multiply_adds(network.architecture, (1 + network.reads_change) * sizes.dim, sizes.units)


def _register() -> None:
    for probe, (family, task) in PROBES.items():
        network = FAMILIES[family]
        _register_probe(probe, network, TASKS[task], "context" if network.reads_context else "hidden")
    for probe, (family, task) in EXIT_PROBES.items():
        if probe not in PROBES:
            network = EXIT_FAMILIES[family]
            _register_probe(probe, network, (TASKS | EXIT_TASKS)[task], "layers", _exit_cost(network))
    for stack, classes in STACKS.items():
        for suffix, goal in (("", "P(hard)"), ("_loss", "the loss")):
            register(
                Signal(
                    name=stack + suffix,
                    title=f"{stack.replace('_', ' ')}{suffix.replace('_', ', ')}",
                    formula=f"boosted trees on all signals of {', '.join(sorted(classes - {HIDDEN_CONTEXT}))}: {goal}",
                    needs="all" if stack == "stack_all" else next(needs for needs in ORDER if needs in classes),
                    high_means_easy=False,
                    source="Ke et al., LightGBM, NeurIPS 2017",
                )
            )


_register()
