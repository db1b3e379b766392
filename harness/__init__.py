"""isomark's ground floor: the contract with a runtime, its adapters, the rows a run produces and the verdict over them.

Nothing here imports conformance, loadgen or reports; they all stand on this package.
"""

__version__ = "0.1.0"

SPECIFICATION = "2026-02"
"""Edition of the promises: month of the source document that conformance/requirements.toml restates."""
