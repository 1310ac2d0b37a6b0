"""Whether the Hugging Face Hub can be reached: an answer within seconds, also where there is no network."""

import threading
from collections.abc import Callable

REQUEST_SECONDS = 5.0
PROBE_SECONDS = 8.0


def hub_failure(look_up: Callable[[], object]) -> Exception | None:
    """What `look_up`, a request to the Hub, raises, or a TimeoutError after PROBE_SECONDS; None where it is answered.

    It runs in a thread of its own, since the look-up of an address has no time limit; give it REQUEST_SECONDS.
    """
    failures: list[Exception | None] = []

    def ask() -> None:
        try:
            look_up()
            failures.append(None)
        except Exception as error:  # what is raised without network differs between versions of the client
            failures.append(error)

    thread = threading.Thread(target=ask, daemon=True)
    thread.start()
    thread.join(PROBE_SECONDS)
    return failures[0] if failures else TimeoutError(f"no answer in {PROBE_SECONDS:.0f} s")


def first_line(error: Exception) -> str:
    """The first line of what an error says, or its type where it says nothing."""
    return str(error).strip().partition("\n")[0] or type(error).__name__
