"""The fault matrix: is every promise's test able to fail, and does it fail for its own promise alone?

A runtime that carries faults (`faults.py`) is judged once as it is and once with each fault switched on (`running.py`,
each a run of the suite in a child process, `child.py`). A fault is *killed* when a test of its requirement breaks; what
breaks beside it and was not foretold is *collateral* (`judging.py`). The result is faults.json (`report.py`).
"""
