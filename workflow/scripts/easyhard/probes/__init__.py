"""Probes: small models trained on hidden states."""
