"""The language model: LEGO blocks and their training."""
