"""From the raw files of a comparison to what may be said of them: figures, pairs, noise floor and claims.

Everything here is a function of the files alone. docs/statistics.md says how a verdict is made.
"""

from reports.comparison.computing import compute
from reports.comparison.environments import environment_differences, same_environment
from reports.comparison.regression import Regression, Regressions, regressions

__all__ = [
    "Regression",
    "Regressions",
    "compute",
    "environment_differences",
    "regressions",
    "same_environment",
]
