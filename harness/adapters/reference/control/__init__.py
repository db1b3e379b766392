"""The control plane of the reference runtime: what is decided. What is done with isolates is decided here and done by
the isolate host."""
