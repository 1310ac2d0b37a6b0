"""Which probes there are, by name, and what each costs. No torch: the registry of signals reads it.

A probe is called family_task: the family says what network reads what, the task what it is trained to say.
"""

from dataclasses import dataclass
from typing import Literal

from easyhard.errors import InputError
from easyhard.signals.declare import HERE, Needs, Signal, register

Architecture = Literal["linear", "mlp", "mixture"]
Kind = Literal["regression", "classification"]


@dataclass(frozen=True)
class Family:
    """A network, and whether it reads context columns beside the hidden state; `tasks` are those it is trained on."""

    architecture: Architecture
    reads_context: bool
    tasks: tuple[str, ...]


@dataclass(frozen=True)
class TaskKind:
    """How a task is trained, and whether a high prediction stands for a low loss."""

    kind: Kind
    high_means_easy: bool


FAMILY_TITLES = {
    "linear": "linear probe:",
    "mlp": "MLP:",
    "mixture": "mixture:",
    "mlp_context": "MLP with context:",
    "mixture_context": "mixture with context:",
}
FAMILY_FORMULAS = {
    "linear": "w·h + b",
    "mlp": "one hidden layer on h",
    "mixture": "softmax over a few learnt words of h",
    "mlp_context": "one hidden layer on h and context",
    "mixture_context": "softmax over a few learnt words of h and context",
}
TASK_TITLES = {
    "loss": "loss",
    "log1p_loss": "log(1 + loss)",
    "easy": "easy",
    "correct": "argmax right",
    "entropy": "entropy",
    "tail_mass": "tail mass",
    "guided_loss": "loss, guided",
    "guided_easy": "easy, guided",
    "guided_both": "loss and easy, guided",
}
TASK_FORMULAS = {
    "loss": "the loss",
    "log1p_loss": "log(1 + loss)",
    "easy": "loss ≤ τ",
    "correct": "argmax right",
    "entropy": "the entropy",
    "tail_mass": "the tail mass at τ",
    "guided_loss": "a blend of loss and entropy",
    "guided_easy": "a blend of loss ≤ τ and 1 − tail mass at τ",
    "guided_both": "both blends, each of the same spread",
}
SOURCES = {
    "correct": "BERxiT, Xin et al., EACL 2021",
    "entropy": "distillation, Hinton et al., arXiv:1503.02531",
    "tail_mass": "distillation, Hinton et al., arXiv:1503.02531",
    "guided_loss": "after Hinton et al., arXiv:1503.02531",
    "guided_easy": "after Hinton et al., arXiv:1503.02531",
    "guided_both": "after Hinton et al., arXiv:1503.02531",
}
ORDER: tuple[Needs, ...] = ("head", "low_rank", "context", "hidden")  # the dearest first

HIDDEN_CONTEXT = "hidden_context"
"""To stacks, the class of what is trained on hidden states and context together; its cost class is context."""

TASKS = {
    "loss": TaskKind("regression", high_means_easy=False),
    "log1p_loss": TaskKind("regression", high_means_easy=False),
    "easy": TaskKind("classification", high_means_easy=True),
    "correct": TaskKind("classification", high_means_easy=True),
    "entropy": TaskKind("regression", high_means_easy=False),
    "tail_mass": TaskKind("classification", high_means_easy=False),
    "guided_loss": TaskKind("regression", high_means_easy=False),
    "guided_easy": TaskKind("classification", high_means_easy=True),
    "guided_both": TaskKind("regression", high_means_easy=False),
}
GUIDED = ("guided_loss", "guided_easy", "guided_both")
PLAIN = tuple(task for task in TASKS if task not in GUIDED)
FAMILIES = {
    "linear": Family("linear", reads_context=False, tasks=PLAIN),
    "mlp": Family("mlp", reads_context=False, tasks=(*PLAIN, *GUIDED)),
    "mixture": Family("mixture", reads_context=False, tasks=GUIDED),
    "mlp_context": Family("mlp", reads_context=True, tasks=("loss", "easy")),
    "mixture_context": Family("mixture", reads_context=True, tasks=GUIDED),
}
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
"""Name of each probe → its family and its task."""


def multiply_adds(architecture: Architecture, width: int, hidden: int) -> int:
    """Return the multiplications of one token's prediction from `width` inputs: every weight once, offsets aside.

    `hidden` is the hidden layer's size; a linear probe has none.
    """
    return width if architecture == "linear" else (width + 1) * hidden


def family_and_task(probe: str) -> tuple[Family, str]:
    """Return the family and the task of the probe called `probe`. Raises InputError that lists the known names."""
    if probe not in PROBES:
        raise InputError(f"probe {probe!r} is not known; wanted one of {', '.join(PROBES)}")
    family, task = PROBES[probe]
    return FAMILIES[family], task


def stack_class(name: str, needs: str) -> str:
    """Return the class of a signal to stacks: its cost class `needs`, or HIDDEN_CONTEXT."""
    return HIDDEN_CONTEXT if name in PROBES and family_and_task(name)[0].reads_context else needs


def _register() -> None:
    for probe, (family, task) in PROBES.items():
        reads_context = FAMILIES[family].reads_context
        register(
            Signal(
                name=probe,
                title=f"{FAMILY_TITLES[family]} {TASK_TITLES[task]}",
                formula=f"{FAMILY_FORMULAS[family]}, fitted to {TASK_FORMULAS[task]}",
                needs="context" if reads_context else "hidden",
                high_means_easy=TASKS[task].high_means_easy,
                source=SOURCES.get(task, HERE),
            )
        )
    for stack, classes in STACKS.items():
        for suffix, goal in (("", "P(hard)"), ("_loss", "the loss")):
            register(
                Signal(
                    name=stack + suffix,
                    title=f"{stack.replace('_', ' ')}{suffix.replace('_', ', ')}",
                    formula=f"boosted trees on all signals of {', '.join(sorted(classes - {HIDDEN_CONTEXT}))}: {goal}",
                    needs="all" if stack == "stack_all" else _dearest(classes),
                    high_means_easy=False,
                    source="Ke et al., LightGBM, NeurIPS 2017",
                )
            )


def _dearest(classes: frozenset[str]) -> Needs:
    return next(needs for needs in ORDER if needs in classes)


_register()
