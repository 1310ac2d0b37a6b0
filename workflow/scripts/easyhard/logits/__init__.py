"""The heavy step: everything that multiplies hidden states with the output head."""
