"""Activations: hidden states and losses, one row a token, in Parquet shards."""
