"""Causal language models that transformers loads: found, read, run, and their heads."""
