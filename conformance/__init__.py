"""The promises: a pytest suite over any runtime, its probes, the catalogue and what runtimes are known for."""
