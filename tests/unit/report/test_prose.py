"""Which signal to use and whether the marks are met: each test changes figures and sees the words change."""

import pytest

from easyhard.errors import InputError
from easyhard.report import prose
from easyhard.report.metrics import Figures
from easyhard.report.words import strong

from .conftest import Make, Value

STACK, MLP, CONTEXT, PREVIEW = "stack_hidden", "mlp_easy", "stack_context", "weighted/32/entropy"
HIDDEN = ("hidden_norm", "logit_std", "gaussian_lse", "mahalanobis", "exit_classifier", "mlp_loss", MLP, "mlp_entropy")


def gap(item: str, value: float, half: float, p: float = 0.01, score: str = "auroc") -> dict[str, Value]:
    """A difference from the best head signal."""
    name = f"fair_differences/{item}/{score}_from_head_best"
    return {name: (value, value - half, value + half), f"{name}_p": p}


def best(**marks: float) -> dict[str, Value]:
    """Which signals are the best of their class."""
    return {f"fair_differences/{item}/is_class_best": value for item, value in marks.items()}


def test_the_recommendation_has_both_signals_and_their_difference(make_fair: Make) -> None:
    assert prose.recommendation(make_fair()) == (
        f"Without a pass over the vocabulary, use {strong('stack of hidden')}: AUROC 0.736 [0.725, 0.747] at 1.3 % of "
        "the head's multiply-adds; the best head signal, stack of head, has 0.744 [0.733, 0.755] at 101 %; the "
        "difference is -0.0080 [-0.0119, -0.0041] (Holm p < 0.001), so stack of hidden is worse."
    )


@pytest.mark.parametrize(
    ("value", "word"), [(-0.01, "is worse"), (-0.003, "is not worse"), (0.0, "is not worse"), (0.01, "is better")]
)
def test_the_word_follows_the_interval(make_fair: Make, value: float, word: str) -> None:
    sentence = prose.recommendation(make_fair(gap(STACK, value, 0.004, p=0.25)))
    assert sentence.endswith(f"(Holm p = 0.250), so stack of hidden {word}.")


def test_a_difference_without_an_interval_gets_no_word(make_fair: Make) -> None:
    bare = make_fair({f"fair_differences/{STACK}/auroc_from_head_best": -0.01})
    assert prose.recommendation(bare).endswith("the difference is -0.0100 (Holm p < 0.001).")


def test_the_choice_is_the_one_marked_as_the_best(make_fair: Make) -> None:
    sentence = prose.recommendation(make_fair(best(stack_hidden=0.0, mlp_entropy=1.0)))
    assert f"use {strong('MLP of the entropy')}: AUROC 0.729 [0.718, 0.740] at 0.37 %" in sentence
    none = best(**dict.fromkeys((STACK, CONTEXT, "stack_head", PREVIEW), 0.0))
    with pytest.raises(InputError, match="is_class_best"):
        prose.recommendation(make_fair(none))


def test_other_classes_are_told_one_by_one(make_fair: Make) -> None:
    context, low_rank = prose.other_classes(make_fair())
    assert context.startswith(f"With earlier tokens as well: {strong('stack of hidden and context')}, AUROC 0.751")
    assert context.endswith("so stack of hidden and context is better.")
    assert low_rank.startswith(f"With a low-rank head: {strong('entropy, weighted rank 32')}")
    assert prose.other_classes(make_fair(best(**{CONTEXT: 0.0, PREVIEW: 0.0}))) == []


def test_without_a_hidden_signal_the_next_class_is_recommended(make_fair: Make) -> None:
    assert prose.recommendation(make_fair(best(stack_hidden=0.0))).startswith("With earlier tokens as well, use")
    only_head = prose.recommendation(make_fair(best(**{STACK: 0.0, CONTEXT: 0.0, PREVIEW: 0.0})))
    assert only_head == (
        f"With a pass over the vocabulary, use {strong('stack of head')}: AUROC 0.744 [0.733, 0.755] at 101 % of the "
        "head's multiply-adds."
    )


def test_signals_brought_along_are_called_by_their_names(bare_fair: Figures) -> None:
    assert prose.recommendation(bare_fair) == (
        f"Of the signals brought along, use {strong('mine')}: AUROC 0.710 [0.699, 0.721]."
    )
    assert prose.other_classes(bare_fair) == prose.marks(bare_fair) == []


def test_the_table_may_state_what_a_signal_needs(make_fair: Make) -> None:
    stated: dict[str, Value] = {
        "fair_signals/own_head/needs_head": 1.0,
        "fair_signals/own_head/auroc_loss_over_3": (0.9, 0.89, 0.91),
        "fair_signals/own_head/select_auroc": 0.9,
    }
    sentence = prose.recommendation(make_fair(stated | best(own_head=1.0, stack_head=0.0)))
    assert "the best head signal, own_head, has 0.900 [0.890, 0.910];" in sentence


@pytest.mark.parametrize(
    ("auroc", "risk", "met"),
    [
        ((-0.002, 0.004), (0.01, 0.02), True),
        ((0.01, 0.004), (-0.03, 0.02), True),
        ((-0.01, 0.004), (0.01, 0.02), False),
        ((-0.002, 0.004), (0.03, 0.02), False),
    ],
)
def test_the_first_mark_wants_auroc_and_augrc(
    make_fair: Make, auroc: tuple[float, float], risk: tuple[float, float], met: bool
) -> None:
    mark = prose.marks(make_fair(gap(MLP, *auroc) | gap(MLP, *risk, score="augrc")))[0]
    assert mark.met is met
    assert mark.answer.startswith(strong("Yes." if met else "No."))
    assert "at no more than 0.5 % of the head's multiply-adds" in mark.question
    assert mark.said.startswith("The best of these on select is MLP of loss > 3, at 0.37 %")
    assert mark.said.endswith("It has 95.6 % of stack of head's AUROC above chance.")


def test_the_first_mark_keeps_to_the_cost_and_to_the_classes(make_fair: Make) -> None:
    """A better signal above the mark's cost, or one that reads the context, does not count."""
    cheap = prose.cheap_mark(make_fair({f"fair_signals/{STACK}/cost_share": 0.004}))
    assert cheap is not None
    assert "on select is stack of hidden" in cheap.said
    dear = prose.cheap_mark(make_fair({f"fair_signals/{item}/cost_share": 0.02 for item in HIDDEN}))
    assert dear is not None
    assert not dear.met
    assert dear.said == "No measured signal costs at most 0.5 % of the head's multiply-adds."


def test_the_first_mark_names_the_harder_rival_by_augrc(make_fair: Make) -> None:
    found = make_fair()
    told: dict[str, Value] = {f"fair_signals/{name}/select_augrc": 3.0 for name in found.items("fair_signals")}
    told |= {"fair_differences/entropy/is_head_lowest": 1.0, "fair_signals/mlp_loss/select_augrc": 2.0}
    told |= {"fair_differences/mlp_loss/augrc_from_head_lowest": (0.02, 0.01, 0.03)}
    before, after = prose.cheap_mark(found), prose.cheap_mark(make_fair(told))
    assert before is not None
    assert after is not None
    assert "harder rival" not in before.said
    assert "By AUGRC alone entropy is the head's best on select, and a harder rival: against it" in after.said
    assert after.said.endswith("MLP of loss > 3 – nats (–) and MLP of the loss +0.020 [+0.010, +0.030] nats (worse).")


@pytest.mark.parametrize(
    ("value", "p", "met", "end"),
    [
        (0.007, 0.01, True, "so stack of hidden and context is better."),
        (0.007, 0.2, False, "by the interval alone, not after adjusting for all signals compared."),
        (0.003, 0.2, False, "It is ahead by 0.0030, with an interval of ± 0.0040."),
        (-0.003, 0.2, False, "so stack of hidden and context is not worse. It is behind by 0.0030."),
        (0.0, 0.2, False, "It is behind by 0.0000."),
    ],
)
def test_the_second_mark_wants_a_significant_lead(make_fair: Make, value: float, p: float, met: bool, end: str) -> None:
    mark = prose.marks(make_fair(gap(CONTEXT, value, 0.004, p)))[1]
    assert mark.question.startswith("Does the hidden state together with earlier tokens")
    assert (mark.met, mark.said.endswith(end)) == (met, True), mark.said
    assert len(prose.marks(make_fair(best(stack_context=0.0)))) == 1


def test_what_more_text_would_do(make_fair: Make) -> None:
    assert prose.learning(make_fair()).endswith("so whether more text would help cannot be told.")
    risen = prose.learning(make_fair({"fair_learning/mlp_easy/1/auroc": (0.76, 0.75, 0.77)}))
    assert "Beyond the intervals it helped MLP of loss > 3, so more text should help further." in risen
    assert "MLP of loss > 3 0.0067" in prose.learning(make_fair(without=("fair_learning/mlp_easy/0.1/auroc",)))
    sizes = [item for item in make_fair().items("fair_learning") if not item.endswith("/1")]
    single = tuple(f"fair_learning/{item}/{metric}" for item in sizes for metric in ("tokens", "documents", "auroc"))
    assert prose.learning(make_fair(without=single)) == "No probe was judged at two sizes of the fit part."
