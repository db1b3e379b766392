# Two commands do everything: `make report` and `make test`. Both set up what is missing first; neither leaves the checkout.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DELETE_ON_ERROR:

PYTHON ?= python3
STAMP := .venv/.isomark-set-up
BIN := .venv/bin

.PHONY: report test nightly setup lint clean

report: setup
	@$(BIN)/isomark compare --runtime=workerd,reference --baseline=container --profile=quick --report=out/report

test: setup lint
	@$(BIN)/python -m pytest -n auto tests

# What takes too long for every change, kept in reports/published; see docs/nightly.md.
nightly: setup
	@$(BIN)/isomark nightly

lint: setup
	@$(BIN)/ruff check --quiet . && $(BIN)/ruff format --quiet --check . && $(BIN)/mypy --no-error-summary

setup: $(STAMP)

# One stamp for the Python and the npm half: it is older than its inputs only when one of them changed.
$(STAMP): pyproject.toml harness/toolchain/constraints.txt harness/toolchain/package.json harness/toolchain/package-lock.json
	@echo "Setting up .venv and .toolchain (once; a minute or two) ..."
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "isomark needs Python 3.11 or newer; this is " + sys.version.split()[0] + ". Set PYTHON=/path/to/python3.11.")'
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv
	@PIP_CONSTRAINT=harness/toolchain/constraints.txt $(BIN)/python -m pip install --quiet --no-cache-dir --disable-pip-version-check --editable '.[dev,bench]'
	@$(BIN)/python -m harness.toolchain install
	@touch $@

clean:
	rm -rf .venv .toolchain out .pytest_cache .mypy_cache .ruff_cache
