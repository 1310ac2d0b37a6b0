"""What the report says of a model from elsewhere."""

from easyhard.report.own_model import model_in_words

SETTINGS = {"path": "models/mine", "revision": None, "dtype": "bfloat16", "packing": "document", "window": 512}
SUMMARY = {"architecture": "LlamaForCausalLM", "words": 32_000, "dim": 64, "bias": False, "softcap": None}


def test_a_plain_model() -> None:
    said = model_in_words(SETTINGS, SUMMARY)
    assert said.startswith(
        "Model: models/mine, LlamaForCausalLM, run in bfloat16 on windows of 512 tokens. No window cross"
    )
    assert "64 numbers; the head has 32,000 words." in said
    assert "bias" not in said
    assert "capped" not in said


def test_what_is_special_is_said() -> None:
    settings, summary = {"revision": "v2", "packing": "packed"}, {"bias": True, "softcap": 30.0}
    said = model_in_words(SETTINGS | settings, SUMMARY | summary)
    for words in ("models/mine at v2", "joined by EOS", "a bias, a constant last coordinate", "softly capped at 30,"):
        assert words in said
