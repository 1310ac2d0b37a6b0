"""The sentences follow the figures: each case changes some and sees the words change."""

from pathlib import Path

import pytest
import yaml

from easyhard.errors import InputError
from easyhard.report.items import low_rank
from easyhard.report.metrics import Figure, Figures
from easyhard.report.sentences import FINDINGS, REACH, all_said, say
from easyhard.report.words import percent, standing

from .conftest import Make, Value

CASES = yaml.safe_load(Path(__file__).with_name("sentences.yaml").read_text(encoding="utf-8"))


def cases(protocol: str) -> list[tuple[str, dict[str, Value], str]]:
    """The sentence's name, the figures that are changed, and words that it then has."""
    return [(name, *case) for name, own in CASES[protocol].items() for case in own]


@pytest.mark.parametrize(("name", "changed", "words"), cases("published"))
def test_founding_sentences(make_figures: Make, name: str, changed: dict[str, Value], words: str) -> None:
    assert words in say(name, make_figures(changed))


@pytest.mark.parametrize(("name", "changed", "words"), cases("fair"))
def test_sentences_of_the_fair_figures(make_fair: Make, name: str, changed: dict[str, Value], words: str) -> None:
    assert words in say(name, make_fair(changed))


def test_findings_leave_out_what_is_null_and_refuse_what_is_missing(make_figures: Make) -> None:
    share = "separation/target_probability/oracle_share"
    assert len(all_said(FINDINGS, make_figures())) == len(FINDINGS)
    assert len(all_said(FINDINGS, make_figures({share: None}))) == len(FINDINGS) - 1
    with pytest.raises(InputError, match=share):
        all_said(FINDINGS, make_figures(without=(share,)))


def test_what_was_not_measured_is_not_said(make_fair: Make, bare_fair: Figures) -> None:
    assert all_said(REACH, bare_fair) == []
    assert all_said(REACH, make_fair(without=("fair_ceilings", "fair_calibration"))) == []
    ceiling = say("auroc_ceiling", make_fair())
    assert "What is fitted" not in ceiling
    unknown = make_fair(
        without=tuple(f"fair_strata/{item}/frequency_share" for item in make_fair().items("fair_strata"))
    )
    assert say("rare_words", unknown) == "How often training saw the targets is not known for this run."
    with pytest.raises(InputError, match="main_threshold is null"):
        say("basis", make_fair({"fair_data/clusters/main_threshold": None}))


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
