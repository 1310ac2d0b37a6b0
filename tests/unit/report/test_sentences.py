"""The sentences follow the figures: each case changes some and sees the words change."""

import re
from collections.abc import Callable

import pytest

from easyhard.errors import InputError
from easyhard.report import advice, prose
from easyhard.report.items import low_rank, main_label
from easyhard.report.metrics import Figure, Figures
from easyhard.report.prose import FINDINGS, REACH, all_said, say
from easyhard.report.words import STRONG, percent, standing

from .conftest import Make, Value, cases

SAYERS: dict[str, Callable[[Figures], str]] = {
    "advised": lambda figures: advice.advised(figures, main_label(figures)),
    "compared": lambda figures: advice.compared(figures, main_label(figures)),
    "cheaper": advice.cheaper,
    "answer": lambda figures: "\n".join(advice.answer(figures, "perplexity_1")),
    "conclusions": lambda figures: "\n".join(
        f"{claim}: {verdict}. {said}" for claim, verdict, said in prose.conclusions(figures)
    ),
}
"""What says more than one sentence, or decides which."""


@pytest.mark.parametrize(("make", "name", "changed", "words"), cases("sentences.yaml"))
def test_sentences(request: pytest.FixtureRequest, make: str, name: str, changed: dict[str, Value], words: str) -> None:
    figures = request.getfixturevalue(make)(changed)
    said = SAYERS[name](figures) if name in SAYERS else say(name, figures)
    assert words in said.replace(STRONG[0], "strong[").replace(STRONG[1], "]"), said
    assert words or not said, said


def test_findings_leave_out_what_is_null_and_refuse_what_is_missing(make_figures: Make) -> None:
    share = "separation/target_probability/oracle_share"
    assert len(all_said(FINDINGS, make_figures())) == len(FINDINGS)
    assert len(all_said(FINDINGS, make_figures({share: None}))) == len(FINDINGS) - 1
    with pytest.raises(InputError, match=share):
        all_said(FINDINGS, make_figures(without=(share,)))


def test_what_was_not_measured_is_not_said(make_fair: Make, bare_fair: Figures) -> None:
    assert all_said(REACH, bare_fair) == []
    assert all_said(REACH, make_fair(without=("fair_ceilings", "fair_calibration"))) == []
    assert "What is fitted" not in say("auroc_ceiling", make_fair())
    shares = tuple(f"fair_strata/{item}/frequency_share" for item in make_fair().items("fair_strata"))
    assert say("rare_words", make_fair(without=shares)).startswith("How often training saw the targets is not known")
    with pytest.raises(InputError, match="main_threshold is null"):
        say("basis", make_fair({"fair_data/clusters/main_threshold": None}))
    sizes = [item for item in make_fair().items("fair_learning") if not item.endswith("/1")]
    single = tuple(f"fair_learning/{item}/{metric}" for item in sizes for metric in ("tokens", "documents", "auroc"))
    assert say("learning", make_fair(without=single)) == "No probe was judged at two sizes of the fit part."


def test_signals_brought_along_are_called_by_their_names(bare_fair: Figures) -> None:
    said = advice.answer(bare_fair, "perplexity_1")
    use = f"To tell tokens with loss > 3 nats from the others use {STRONG[0]}mine{STRONG[1]}"
    assert said == [f"{use}: AUROC 0.710 [0.699, 0.721] at a cost that nobody has stated."]
    limit, modes = prose.conclusions(bare_fair)
    assert (limit.verdict, modes.claim) == ("undecided", "Two modes")


def test_an_answer_has_five_sentences_at_most(make_fair: Make) -> None:
    said = advice.answer(make_fair(), "perplexity_1")
    assert len(said) == 5
    for sentence in said:  # one each: a stop ends it and nothing else
        assert re.fullmatch(r"(?:[^.]|\.(?=\S))*\.", sentence), sentence


@pytest.mark.parametrize(
    ("share", "text"),
    [
        *((None, "–"), (0.0, "0"), (1e-6, "< 0.001"), (1.4e-5, "0.001"), (0.00046, "0.046"), (0.0037, "0.37")),
        *((0.0156, "1.6"), (0.312, "31"), (1.011, "101"), (12.5, "1,250")),
    ],
)
def test_costs_print_the_digits_that_count(share: float | None, text: str) -> None:
    assert percent(share) == text


def test_the_standing_turns_with_the_direction() -> None:
    lead, touching = Figure(0.02, 0.01, 0.03), Figure(0.02, 0.0, 0.04)
    assert (standing(lead), standing(lead, low_is_good=True)) == ("better", "worse")
    assert (standing(Figure(-0.02, -0.03, -0.01)), standing(Figure(0.02))) == ("worse", None)
    assert {standing(touching), standing(touching, low_is_good=True)} == {"not worse"}


def test_low_rank_names_are_taken_apart(registry: None) -> None:
    assert low_rank("my/3/signal") is None
    assert low_rank("weighted/20/refined_entropy") == ("weighted", 20, "entropy", True)
