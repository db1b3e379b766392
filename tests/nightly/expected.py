"""What a whole night does and leaves behind, and which day it is."""

from datetime import date

TODAY = date(2026, 11, 25)
JUDGED = ["conformance.node", "conformance.reference", "conformance.workerd"]
WHOLE = sorted([*JUDGED, "faults", "load", "soak"])


def names(folder):
    return sorted(path.name for path in folder.iterdir())
