"""Locust's side of the load generator: what its processes tell each other, and what they make of an engine's tallies.

`precision`, `bulk_stats` and `csv_end` fill and show Locust's own statistics, and import Locust. `target` and
`target_host` run what is measured. `order`, `engines`, `reports`, `interval_log` and `result` carry one run from its
order to its files; `first` and `local` are the parts a process plays, beside those in `loadgen.distributed`. `garbage`
and `interrupts` keep greenlets and signals out of the engines' way.
"""
