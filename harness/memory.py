"""What a command would need is compared with what the machine has, before it works in silence until it is killed."""

import os
from pathlib import Path


def check_memory(flag: str, value: int, bytes_each: float) -> None:
    """ValueError where `value` of something, at bytes_each, would not fit into this machine's memory."""
    here = memory_here()
    if here is not None and value * bytes_each > here:
        most = float(f"{here / bytes_each:.1g}")
        raise ValueError(
            f"{flag} {value} would need about {value * bytes_each / 1e9:,.0f} GB of memory, and this machine has "
            f"{here / 1e9:,.0f}; take at most {most:,.0f}"
        )


def memory_here() -> int | None:
    """Bytes that this process may use: of the machine, or of the container it is in; None where neither is known."""
    try:
        machine = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, ValueError, OSError):
        return None
    try:
        container = int(Path("/sys/fs/cgroup/memory.max").read_text())
    except (OSError, ValueError):  # no such file, or "max"
        return machine
    return min(machine, container)
