"""What is known of a signal from elsewhere: what is declared, else what the registry says, else nothing."""

import pytest

from easyhard.imports.own import OwnSignal, own_signals


def test_declared_goes_before_the_registry_and_that_before_nothing() -> None:
    declared = {
        "mine": {"high_means": "easy", "needs": "head", "multiply_adds": 12345},
        "margin": {"high_means": "hard"},
    }
    assert own_signals(["mine", "other", "entropy", "margin", "weighted/10/entropy"], declared) == (
        OwnSignal("mine", "head", 12345, True),
        OwnSignal("other", "own", None, None),
        OwnSignal("entropy", "head", None, False),
        OwnSignal("margin", "head", None, False),
        OwnSignal("weighted/10/entropy", "low_rank", None, False),
    )


@pytest.mark.parametrize("empty", [None, {}, {"high_means": None, "needs": None, "multiply_adds": None}])
def test_saying_nothing(empty: dict[str, None] | None) -> None:
    assert own_signals(["mine"], {"mine": empty}) == (OwnSignal("mine", "own", None, None),)
