"""What is said of the protocol fair: which signal to use, and the two marks.

A sentence whose figures were not measured is left out; one that needs a figure raises InputError naming it.
"""

from dataclasses import dataclass

from easyhard.report.items import (
    CHEAP_SHARE,
    affordable_signals,
    class_best,
    main_label,
    overall_best,
    select_score,
)
from easyhard.report.labels import OWN
from easyhard.report.metrics import Figures
from easyhard.report.sentences import say
from easyhard.report.words import BETTER, FROM_HEAD, NOT_WORSE, SIGNIFICANT, standing, strong

CHANCE = 0.5
LEADS = {
    "hidden": "Without a pass over the vocabulary",
    "context": "With earlier tokens as well",
    "layers": "With other layers' states as well",
    "low_rank": "With a low-rank head",
    "head": "With a pass over the vocabulary",
    "all": "With all of these together",
    OWN: "Of the signals brought along",
}


@dataclass(frozen=True)
class Mark:
    """A mark to aim at, as a question; whether it is met; what the figures say."""

    question: str
    met: bool
    said: str

    @property
    def answer(self) -> str:
        """Yes or no, and why."""
        return f"{strong('Yes.' if self.met else 'No.')} {self.said}"


def recommendation(figures: Figures) -> str:
    """Which signal to use without a pass over the vocabulary, beside the best head signal.

    Without a hidden-state signal it speaks of the next class that there is, without a head signal of that class alone.
    """
    best = class_best(figures)
    item = next((item for name, item in best.items() if name != "head"), overall_best(figures))
    lead = LEADS[next(name for name, own in best.items() if own == item)]
    head = None if best.get("head") == item else best.get("head")
    return say("recommendation", figures, lead=lead, item=item, head=head)


def other_classes(figures: Figures) -> list[str]:
    """For each further class without the head its best signal and how that stands to the best head signal."""
    best = class_best(figures)
    head = best.pop("head", None)
    others = list(best.items())[1:] if head else []
    return [say("other_class", figures, lead=LEADS[name], item=item, head=head) for name, item in others]


def marks(figures: Figures) -> list[Mark]:
    """The two marks to aim at with their answers; none without a head signal to compare with."""
    return [mark for mark in (cheap_mark(figures), context_mark(figures)) if mark is not None]


def cheap_mark(figures: Figures) -> Mark | None:
    """Whether the best affordable signal on select is not worse than the best head signal, by AUROC and AUGRC.

    The head's signal of lowest AUGRC is a harder rival, to that signal and to the affordable one of lowest AUGRC.
    """
    head = class_best(figures).get("head")
    if head is None:
        return None
    most = f"{100 * CHEAP_SHARE:g}"
    question = say("cheap_question", figures, most=most)
    affordable = affordable_signals(figures)
    if not affordable:
        return Mark(question, False, say("none_is_cheap", figures, most=most))
    item = max(affordable, key=lambda name: select_score(figures, name))
    auroc = standing(figures.get("fair_differences", item, FROM_HEAD))
    augrc = standing(figures.get("fair_differences", item, "augrc_from_head_best"), low_is_good=True)
    score = f"auroc_{main_label(figures)}"
    ours, theirs = (figures.number("fair_signals", name, score) - CHANCE for name in (item, head))
    kept = None if theirs <= 0 or ours == float("-inf") else 100 * ours / theirs
    names = figures.items("fair_differences")
    lowest = [name for name in names if figures.get("fair_differences", name, "is_head_lowest").value == 1]
    by_augrc = min(affordable, key=lambda name: figures.number("fair_signals", name, "select_augrc"))
    rivals = [say("rival", figures, item=name) for name in dict.fromkeys([item, by_augrc])]
    facts = {"item": item, "head": head, "auroc": auroc, "augrc": augrc, "kept": kept, "rivals": rivals}
    said = say("cheap_mark", figures, lowest=next(iter(lowest), None), **facts)
    return Mark(question, {auroc, augrc} <= {BETTER, NOT_WORSE}, said)


def context_mark(figures: Figures) -> Mark | None:
    """Whether the best signal with earlier tokens beats the best head signal significantly; None without either."""
    best = class_best(figures)
    if "head" not in best or "context" not in best:
        return None
    gap = figures.get("fair_differences", best["context"], FROM_HEAD)
    p = figures.get("fair_differences", best["context"], f"{FROM_HEAD}_p").value
    beats = standing(gap) == BETTER and (p is None or p < SIGNIFICANT)
    said = say("context_mark", figures, item=best["context"], head=best["head"], beats=beats)
    return Mark(say("context_question", figures), beats, said)
