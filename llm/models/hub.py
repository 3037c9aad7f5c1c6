"""Is the model hub there? Asked once, for a few seconds; its own client asks again and again for most of a minute."""

import functools
import sys
import threading

PATIENCE = 5.0  # seconds


@functools.cache
def look_for_the_hub() -> bool:
    """Whether the hub answers. Where it does not, the hub's libraries go on with what was downloaded before.

    They then do what HF_HUB_OFFLINE=1 makes them do: a file that is not there is an error at once.
    """
    from huggingface_hub import constants

    if constants.HF_HUB_OFFLINE or _answers():
        return not constants.HF_HUB_OFFLINE
    constants.HF_HUB_OFFLINE = True
    if "datasets" in sys.modules:  # it has copied the setting
        sys.modules["datasets"].config.HF_HUB_OFFLINE = True
    return False


def why(error: Exception) -> str:
    """The first line of an error of the hub's libraries, and before it whether the hub was there at all."""
    from huggingface_hub import constants

    reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
    return reason if look_for_the_hub() else f"{constants.ENDPOINT} does not answer; {reason}"


def _answers() -> bool:
    """Any answer counts, also a refusal. In a thread, because looking up a name cannot be given a time limit."""
    from huggingface_hub import constants, get_session

    heard = threading.Event()

    def ask() -> None:
        try:
            get_session().head(constants.ENDPOINT, timeout=PATIENCE)
        except Exception:  # no name, no connection, no certificate: a dozen kinds, the client's own among them
            return
        heard.set()

    asking = threading.Thread(target=ask, daemon=True)
    asking.start()
    asking.join(PATIENCE)
    return heard.is_set()
