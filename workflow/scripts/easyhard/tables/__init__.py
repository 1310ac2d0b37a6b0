"""Tables that another program wrote, in any container: found, opened, and read as columns of numbers and text."""
