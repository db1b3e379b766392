"""When requests are due: pure functions of rate, worker, number of workers and seed."""

from loadgen.arrivals.parsing import AnySchedule, parse
from loadgen.arrivals.schedule import Schedule
from loadgen.arrivals.shapes import Burst, Constant, Poisson, Ramp, Steps
from loadgen.arrivals.trace import Trace, read_trace

__all__ = [
    "AnySchedule",
    "Burst",
    "Constant",
    "Poisson",
    "Ramp",
    "Schedule",
    "Steps",
    "Trace",
    "parse",
    "read_trace",
]
