# make demo   two views of a public clip, live in the browser
# make test   everything that must hold: style, types, tests
#
# make lint   style and types alone
# make clean  removes what make made
#
# Each makes a virtual environment in .venv and installs what it needs, once.
# Another Python than the one on the PATH: make PYTHON=/path/to/python3.12 demo

SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DELETE_ON_ERROR:
.DEFAULT_GOAL := help

VENV := .venv
PYTHON ?=
PIP := $(VENV)/bin/python -m pip --disable-pip-version-check --quiet install
OPTIONS ?=
PYTEST := OMP_NUM_THREADS=1 $(VENV)/bin/python -m pytest
# Most tests wait, for cameras, servers and clocks: more processes than a small machine has cores.
# One that dies ends the run: xdist 3.8 may wait for its replacement for ever (pytest-xdist#1327).
WORKERS ?= 3
SIDE_BY_SIDE := --numprocesses $(WORKERS) --dist loadfile --max-worker-restart 0

.PHONY: help demo test lint screenshot clean

help:
	@sed -n -e '/^$$/q' -e 's/^# \{0,1\}//p' Makefile

demo: $(VENV)/.runtime
	@$(VENV)/bin/python run_pipeline.py --cameras cams.yaml $(OPTIONS)

test: lint
	@$(PYTEST) -m timed $(OPTIONS) || [ $$? -eq 5 ] # 5: OPTIONS leave none of these
	@$(PYTEST) -m "not timed" $(SIDE_BY_SIDE) $(OPTIONS) || [ $$? -eq 5 ]

lint: $(VENV)/.everything
	@$(VENV)/bin/ruff check .
	@$(VENV)/bin/ruff format --check .
	@$(VENV)/bin/mypy pipeline engines benchmarks scripts calibration run_pipeline.py

screenshot: $(VENV)/.everything
	@$(VENV)/bin/python -m scripts.screenshot docs/screenshot.png --screens docs/screens

clean:
	rm -rf $(VENV) .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(VENV)/bin/python:
	@python="$$(scripts/find_python.sh $(PYTHON))"; \
	echo "Making $(VENV) with $$("$$python" --version)"; \
	"$$python" -m venv --clear $(VENV)

# A stamp says that an installation was completed, so that the next run starts at once.
$(VENV)/.runtime: requirements-runtime.txt scripts/fix_opencv.py | $(VENV)/bin/python
	@echo "Installing the running system into $(VENV): about 900 MB, once"
	@$(PIP) --requirement requirements-runtime.txt
	@$(VENV)/bin/python scripts/fix_opencv.py
	@touch $@

$(VENV)/.everything: requirements.txt requirements-dev.txt $(VENV)/.runtime
	@echo "Installing PyTorch, Ultralytics and the tests' tools: some minutes, once"
	@$(PIP) --requirement requirements.txt --requirement requirements-dev.txt
	@$(VENV)/bin/python scripts/fix_opencv.py
	@touch $@
