# Two commands: `make run` and `make test`. Everything else is a convenience.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
SOURCES := $(wildcard nicmodel/*.pyx nicmodel/*.pxd nicmodel/_fast/*.pxi nicmodel/_fast/*.pxd)
BUILT := $(VENV)/.built

.PHONY: run test lint bench instructions smoke clean

run: $(BUILT)
	$(BIN)/nicmodel run vf_scaling

test: $(BUILT)
	$(BIN)/python -m pytest -q -n auto

lint: $(BUILT)
	$(BIN)/ruff check .
	$(BIN)/mypy
	PATH="$(BIN):$$PATH" cython-lint nicmodel/_fastpath.pyx nicmodel/_fast

# Prints the tables and leaves every figure in bench.json; `python -m benches.table` makes the README's table from it.
bench: $(BUILT)
	$(BIN)/python -m pytest -q benches --benchmark-only --benchmark-json=bench.json
	$(BIN)/python -m benches.table bench.json

# Instructions a packet of the compiled plane, against their limits. Needs valgrind.
instructions: $(BUILT)
	$(BIN)/python -m benches.instructions

# The checked build (bounds, invariants) in a folder of its own, a run on it, and so many minutes of drawn scripts.
MINUTES ?= 2
smoke: $(BUILT)
	$(BIN)/python -m tests.smoke --minutes $(MINUTES)

$(VENV)/.made:
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade pip
	touch $@

$(BUILT): $(VENV)/.made pyproject.toml setup.py $(SOURCES)
	PYTHONWARNINGS=ignore $(BIN)/python -m pip install --quiet --editable '.[dev]' --config-settings editable_mode=compat
	touch $@

clean:
	rm -rf $(VENV) build *.egg-info nicmodel/*.so nicmodel/*.c nicmodel/_fast/*.so nicmodel/_fast/*.c
