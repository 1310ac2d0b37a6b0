"""What a tokeniser puts around a text is no token of the text, and what it puts behind is not put before windows."""

from typing import Any

import numpy as np
import pytest

from easyhard.corpus.documents import Corpus, Document
from easyhard.huggingface.dump import text_windows
from easyhard.huggingface.tokenizer import encode_by_model
from easyhard.tokens.encoding import TokenStream
from easyhard.tokens.windows import NO_TOKEN

WORDS = ("a", "rose", "is", "no", "daisy")
TEXTS = {"train": "a rose is a rose", "validation": "a daisy is no rose", "test": "is a rose a daisy no"}
EOS, BOS = 0, 1
SPECIAL = [("<eos>", EOS), ("<bos>", BOS)]


def tokenizer(around: str | None, bos: str | None = "<bos>") -> Any:
    """A word a token; `around` is what stands around a text, by a template."""
    from tokenizers import Tokenizer, models, pre_tokenizers, processors
    from transformers import PreTrainedTokenizerFast

    ids = {name: number for number, name in enumerate(["<eos>", "<bos>", "<unk>", *WORDS])}
    made = Tokenizer(models.WordLevel(ids, unk_token="<unk>"))
    made.pre_tokenizer = pre_tokenizers.Whitespace()
    if around:
        made.post_processor = processors.TemplateProcessing(single=around, special_tokens=SPECIAL)
    return PreTrainedTokenizerFast(tokenizer_object=made, eos_token="<eos>", bos_token=bos)


def encoded(around: str | None, bos: str | None = "<bos>") -> tuple[dict[str, TokenStream], dict[str, Any]]:
    documents = [Document("", text, split) for split, text in TEXTS.items()]
    streams, _, summary = encode_by_model(Corpus(documents, "here", "nobody"), tokenizer(around, bos))
    return streams, summary


@pytest.mark.parametrize(
    ("around", "bos", "start"),
    [
        (None, "<bos>", None),
        ("<bos> $A", "<bos>", BOS),
        ("<bos> $A <eos>", "<bos>", BOS),
        ("$A <eos>", "<bos>", None),
        ("$A <eos>", "<eos>", None),  # one token for both, and it comes last
        ("<eos> $A", "<eos>", EOS),
        ("<eos> $A <eos>", "<eos>", EOS),
        ("$A <eos> <bos>", "<bos>", None),
        ("<bos> $A", None, None),
    ],
)
def test_special_tokens_stand_before_windows_or_nowhere(around: str | None, bos: str | None, start: int | None) -> None:
    streams, summary = encoded(around, bos)
    assert (summary["start"], summary["end"]) == (start, EOS)
    for split, text in TEXTS.items():
        assert streams[split].token.tolist() == [3 + WORDS.index(word) for word in text.split()]
    own = text_windows(list(streams.values()), {"packing": "document", "window": 4}, summary, None)
    assert not np.isin(own.targets, [EOS, BOS]).any()
    assert (own.inputs == EOS).sum() + (own.inputs == BOS).sum() == (0 if start is None else len(own))
    foretold = (own.targets != NO_TOKEN).sum(1)
    assert all((row[count:] == NO_TOKEN).all() for row, count in zip(own.targets, foretold, strict=True) if row[0] >= 0)
