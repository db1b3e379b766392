"""The reference runtime: every promise of the isolate model kept for real, so that each test can be seen to pass.

`runtime.py` is the adapter; `control/` the control plane, all policy, a Python process of its own; `host/` the
isolates, mechanism only, a Node process; `prelude/` the Web APIs inside each isolate. See docs/adapters/reference.md.
Nothing is imported here: the control plane starts with every launch and must start fast.
"""
