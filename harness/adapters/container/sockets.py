"""Unix sockets in an instance's folder, which a container finds there too."""

from __future__ import annotations

import contextlib
import os
import socket
from collections.abc import Iterator
from pathlib import Path


@contextlib.contextmanager
def listening_on(path: Path) -> Iterator[socket.socket]:
    """One there, however long the path is: the name of a unix socket holds 107 characters, a way around it fewer."""
    folder = os.open(path.parent, os.O_PATH | os.O_DIRECTORY)
    try:
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(f"/proc/self/fd/{folder}/{path.name}")
            listener.listen()
            yield listener
    finally:
        os.close(folder)
