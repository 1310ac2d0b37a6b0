"""The sentences follow the figures: each case changes some and sees the words change."""

from collections.abc import Callable

import pytest

from easyhard.errors import InputError
from easyhard.report import prose
from easyhard.report.items import low_rank
from easyhard.report.metrics import Figure, Figures
from easyhard.report.prose import FINDINGS, REACH, all_said, say
from easyhard.report.words import STRONG, percent, standing

from . import made_up
from .conftest import Make, Value, cases

HIDDEN = [name for name, (_, needs, *_) in made_up.SIGNALS.items() if needs == "hidden"]
SAYERS: dict[str, Callable[[Figures], str]] = {
    "recommendation": prose.recommendation,
    "other_classes": lambda figures: "\n".join(prose.other_classes(figures)),
    "marks": lambda figures: "\n".join(
        f"{question} {'Yes' if met else 'No'}. {said}" for question, met, said, _ in prose.marks(figures)
    ),
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
    said = prose.recommendation(bare_fair)
    assert said == f"Of the signals brought along, use {STRONG[0]}mine{STRONG[1]}: AUROC 0.710 [0.699, 0.721]."
    assert prose.other_classes(bare_fair) == prose.marks(bare_fair) == []
    limit, modes = prose.conclusions(bare_fair)
    assert (limit.verdict, modes.claim) == ("undecided", "Two modes")


@pytest.mark.parametrize(
    ("auroc", "risk", "met"),
    [
        ((-0.002, -0.006, 0.002), (0.01, -0.01, 0.03), True),
        ((0.01, 0.006, 0.014), (-0.03, -0.05, -0.01), True),
        ((-0.01, -0.014, -0.006), (0.01, -0.01, 0.03), False),
        ((-0.002, -0.006, 0.002), (0.03, 0.01, 0.05), False),
    ],
)
def test_the_first_mark_wants_auroc_and_augrc(make_fair: Make, auroc: Value, risk: Value, met: bool) -> None:
    name = "fair_differences/mlp_easy/{}_from_head_best"
    assert prose.marks(make_fair({name.format("auroc"): auroc, name.format("augrc"): risk}))[0].met is met


def test_a_mark_needs_signals_to_speak_of(make_fair: Make) -> None:
    dear, _ = prose.marks(make_fair({f"fair_signals/{item}/cost_share": 0.02 for item in HIDDEN}))
    assert (dear.met, dear.said[:18]) == (False, "No measured signal")
    assert len(prose.marks(make_fair({"fair_differences/stack_context/is_class_best": 0.0}))) == 1


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
