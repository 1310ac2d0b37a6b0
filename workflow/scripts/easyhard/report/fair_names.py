"""Which figures of protocol `fair` each kind of run has; apart, and light, because the workflow reads it too."""

from easyhard.errors import InputError

ALWAYS = ("risk_coverage", "differences")
WITH_HEAD = ("pareto", "low_rank_fair", "learning_curve", "reliability")
KINDS = {
    "trained": WITH_HEAD + ALWAYS,
    "huggingface": WITH_HEAD + ALWAYS,
    "activations": WITH_HEAD + ALWAYS,
    "signals": ALWAYS,
}


def figure_names(run_kind: str) -> tuple[str, ...]:
    """The names of the figures that a run has, by its kind, one of KINDS; `signals` are bare columns.

    Raises InputError for another kind.
    """
    if run_kind not in KINDS:
        raise InputError(f"kind of run {run_kind!r} is not known; wanted one of {', '.join(KINDS)}")
    return KINDS[run_kind]
