"""Small models of known architectures on disk, with a tokeniser of their own, a little trained on the bundled text."""

from functools import cache
from pathlib import Path
from typing import Any

import torch
from torch.nn.functional import cross_entropy

WORDS, DIM, CONTEXT = 400, 32, 64
SIZES = {"hidden_size": DIM, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 64}
GROUPED = SIZES | {"num_key_value_heads": 1}
CONFIGS: dict[str, dict[str, Any]] = {
    "gpt2": {"n_embd": DIM, "n_layer": 2, "n_head": 2},  # tied, LayerNorm, learned positions
    "llama": GROUPED,  # untied, RMSNorm
    "gemma2": GROUPED  # tied, caps softly in attention and head
    | {"head_dim": 16, "sliding_window": 16, "query_pre_attn_scalar": 16, "final_logit_softcapping": 6.0},
    "gpt_neox": SIZES,  # untied, embed_out
    "phi": SIZES,  # a head with bias
    "cohere": GROUPED | {"logit_scale": 0.25},  # logits times a factor
    "granite": GROUPED | {"logits_scaling": 4.0},  # logits over a divisor
}
OPENS = ("llama", "gemma2")  # tokenisers that put BOS before a text by themselves


@cache
def texts() -> tuple[str, ...]:
    """The train documents of the bundled corpus."""
    from easyhard.corpus.sources import load_corpus

    corpus = load_corpus({"source": "bundled", "bundled": {"seed": 7, "validation": 0.15, "test": 0.15}})
    return tuple(document.text for document in corpus.documents if document.split == "train")


def make_tokenizer(opens: bool) -> Any:
    """Byte-level BPE of WORDS words, trained on the text; with EOS, and with a BOS before each text if it `opens`."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors, trainers
    from transformers import PreTrainedTokenizerFast

    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    special = ["<eos>", "<bos>"]
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(vocab_size=WORDS, special_tokens=special, initial_alphabet=alphabet)
    tokenizer.train_from_iterator((text[:20_000] for text in texts()[:10]), trainer)
    if opens:
        tokenizer.post_processor = processors.TemplateProcessing(single="<bos> $A", special_tokens=[("<bos>", 1)])
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, eos_token="<eos>", bos_token="<bos>")


def make_model(name: str, folder: Path, *, steps: int = 8, dtype: torch.dtype = torch.float32) -> Path:
    """A model of CONFIGS with its tokeniser, after a few steps of AdamW, saved in `folder`."""
    from transformers import AutoConfig, AutoModelForCausalLM

    torch.manual_seed(3)
    tokenizer = make_tokenizer(name in OPENS)
    ends = {"bos_token_id": 1, "eos_token_id": 0, "pad_token_id": 0}
    config = AutoConfig.for_model(name, vocab_size=WORDS, max_position_embeddings=CONTEXT, **ends, **CONFIGS[name])
    model: Any = AutoModelForCausalLM.from_config(config)
    head = model.get_output_embeddings()
    if head.bias is not None:
        torch.nn.init.normal_(head.bias)
    text = tokenizer(texts()[0][:40_000], add_special_tokens=False, verbose=False)["input_ids"]
    ids = torch.tensor(text[: len(text) // (8 * CONTEXT) * 8 * CONTEXT])
    optimiser = torch.optim.AdamW(model.parameters(), lr=1e-2)
    for step in range(steps):
        batch = ids.view(-1, 8, CONTEXT)[step % (len(ids) // (8 * CONTEXT))]
        logits = model(input_ids=batch).logits
        loss = cross_entropy(logits[:, :-1].flatten(0, 1), batch[:, 1:].flatten())
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    model.to(dtype).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder
