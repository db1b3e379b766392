"""What may be said of figures that stand on a few launches each. Pure functions; docs/statistics.md explains them."""

from harness.statistics.comparing import Comparison, compare
from harness.statistics.families import holm
from harness.statistics.gate import LAST_NIGHTS, MIN_NIGHTS, Gate, GateOutcome, gate
from harness.statistics.intervals import CONFIDENCE, Interval, interval_of
from harness.statistics.noise import NoiseFloor, noise_floor, reach
from harness.statistics.words import MIN_LAUNCHES_FOR_A_VERDICT, TOO_FEW_BELOW, Quantity, word

__all__ = [
    "CONFIDENCE",
    "LAST_NIGHTS",
    "MIN_LAUNCHES_FOR_A_VERDICT",
    "MIN_NIGHTS",
    "TOO_FEW_BELOW",
    "Comparison",
    "Gate",
    "GateOutcome",
    "Interval",
    "NoiseFloor",
    "Quantity",
    "compare",
    "gate",
    "holm",
    "interval_of",
    "noise_floor",
    "reach",
    "word",
]
