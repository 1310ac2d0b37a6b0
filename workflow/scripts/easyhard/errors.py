"""The one exception that a user is meant to read."""


class InputError(Exception):
    """Bad input: the message is one line that names the key, file or value and says what is wanted."""
