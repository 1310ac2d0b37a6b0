"""What a pass over hidden states can yield: a module a family, each with `open_family(context)`."""
