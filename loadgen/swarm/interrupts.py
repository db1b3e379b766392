"""Ctrl-C that interrupts the main greenlet, and no other.

Python raises KeyboardInterrupt in whatever runs, so in a process full of greenlets it ends one at random: the one that
takes the master's messages, or one that is just moving counts, which would then be in neither place.
"""

from __future__ import annotations

import signal

import gevent


def install() -> None:
    """To be called by the main greenlet, which gets the KeyboardInterrupt from now on, at its next or present wait."""
    main = gevent.getcurrent()
    loop = gevent.get_hub().loop

    def interrupt() -> None:
        loop.run_callback(main.throw, KeyboardInterrupt)

    gevent.signal_handler(signal.SIGINT, interrupt)
