"""A network bridge for the engine's containers, beside whatever networks the machine has.

An engine makes a bridge of its own, `docker0`, and rules for it in the machine's firewall; two engines that both did
would be in each other's way. This one is given a bridge of another name instead, and told to leave the firewall alone.
"""

import contextlib
import fcntl
import secrets
import socket
import struct
import time
from collections.abc import Iterator
from pathlib import Path

# linux/sockios.h
SIOCSIFADDR, SIOCSIFNETMASK, SIOCGIFFLAGS, SIOCSIFFLAGS = 0x8916, 0x891C, 0x8913, 0x8914
SIOCSIFHWADDR, SIOCBRADDBR, SIOCBRDELBR = 0x8924, 0x89A0, 0x89A1
ARPHRD_ETHER = 1
IFF_UP = 1

BUSY_DEADLINE_S = 20.0


@contextlib.contextmanager
def bridge() -> Iterator[str]:
    """Make one; its name. Raises `OSError` where this process may not, or the kernel has none."""
    name = f"isomark{secrets.token_hex(3)}"
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as control:
        fcntl.ioctl(control, SIOCBRADDBR, struct.pack("16s", name.encode()))
        try:
            fcntl.ioctl(control, SIOCSIFHWADDR, _with_own_hardware_address(name))
            fcntl.ioctl(control, SIOCSIFADDR, _with_address(name, f"{_free_subnet()}.1"))
            fcntl.ioctl(control, SIOCSIFNETMASK, _with_address(name, "255.255.255.0"))
            _set_up(control, name, up=True)
            yield name
        finally:
            _remove(control, name)


def _remove(control: socket.socket, name: str) -> None:
    deadline = time.monotonic() + BUSY_DEADLINE_S
    while True:
        try:
            _set_up(control, name, up=False)
            fcntl.ioctl(control, SIOCBRDELBR, struct.pack("16s", name.encode()))
        except OSError:  # the last container's end of it is only just going
            if not Path(f"/sys/class/net/{name}").exists() or time.monotonic() > deadline:
                return
            time.sleep(0.02)
        else:
            return


def _set_up(control: socket.socket, name: str, *, up: bool) -> None:
    now = fcntl.ioctl(control, SIOCGIFFLAGS, struct.pack("16sH14x", name.encode(), 0))
    (flags,) = struct.unpack_from("H", now, 16)
    wanted = flags | IFF_UP if up else flags & ~IFF_UP
    fcntl.ioctl(control, SIOCSIFFLAGS, struct.pack("16sH14x", name.encode(), wanted))


def _with_own_hardware_address(name: str) -> bytes:
    """A bridge without one takes that of a container, so it changes when that container goes; the others then lose what
    they send until they have asked for the new one, which can take half a minute."""
    locally_administered = b"\x02" + secrets.token_bytes(5)
    return struct.pack("16sH6s8x", name.encode(), ARPHRD_ETHER, locally_administered)


def _with_address(name: str, address: str) -> bytes:
    """struct ifreq with a struct sockaddr_in."""
    return struct.pack("16sHH4s16x", name.encode(), socket.AF_INET, 0, socket.inet_aton(address))


def _free_subnet() -> str:
    """Three numbers out of 198.18.0.0/15, which RFC 2544 keeps for benchmarks: no host of the internet is in it."""
    taken = set()
    for line in Path("/proc/net/route").read_text(encoding="ascii").splitlines()[1:]:
        destination = struct.pack("<I", int(line.split()[1], 16))
        taken.add(socket.inet_ntoa(destination).rpartition(".")[0])
    return next(each for each in iter(_random_subnet, "") if each not in taken)


def _random_subnet() -> str:
    return f"198.{18 + secrets.randbelow(2)}.{secrets.randbelow(256)}"
