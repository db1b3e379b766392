"""Which socket listens on a port: the kernel's number for it, which tells it from one that took the port later."""

from pathlib import Path

LISTENING = "0A"


def socket_on(port: int) -> str:
    """The inode of the IPv4 socket that listens on this port; an empty string when none does."""
    for line in Path("/proc/net/tcp").read_text(encoding="ascii").splitlines()[1:]:
        fields = line.split()
        if fields[3] == LISTENING and int(fields[1].rpartition(":")[2], 16) == port:
            return fields[9]
    return ""
