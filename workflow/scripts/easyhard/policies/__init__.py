"""Where each token of a model may stop: rules that say so, what they save, and what they lose."""
