"""Evaluation: from signals and losses to tidy figures."""
