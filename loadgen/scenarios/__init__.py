"""Load scenarios: `isomark bench SCENARIO`. One module each, of data and a small function, over one runner.

`model` says what a scenario is, `registry` which there are, `runner` how one is run, `report` what comes of it.
"""
