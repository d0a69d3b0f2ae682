# make demo    the main job on the bundled data, pictures in bioconv-demo/
# make test    the default test suite
# make coverage the same, and which lines of the package it reaches
# make test-all  the core suite on every Python of 3.11-3.13 that is found
# make lint    ruff and mypy
# make docs    the documentation, docs/_build/index.html
# make bench   every benchmark, table in benchmarks/RESULTS.md

PYTHON ?= python3
VENV ?= .venv
BIN = $(VENV)/bin
FILES = pyproject.toml setup.py
TESTS ?=

.PHONY: demo test coverage test-all lint docs bench clean

demo: $(VENV)/installed
	$(BIN)/bioconv demo

test: $(VENV)/tested
	$(BIN)/python -m pytest -n 2 $(TESTS)

coverage: $(VENV)/tested
	$(BIN)/python -m pytest -n 2 --cov=bioconv --cov-report=term $(TESTS)

test-all:
	@for version in 3.11 3.12 3.13; do \
	  python=$$(command -v python$$version || ls -d $$HOME/.pyenv/versions/$$version.*/bin/python 2>/dev/null | tail -n 1); \
	  if [ -z "$$python" ]; then echo "Python $$version: not found"; continue; fi; \
	  echo "Python $$version: $$python"; \
	  $(MAKE) test VENV=.venv-$$version PYTHON=$$python || exit 1; \
	done

bench: $(VENV)/installed
	$(BIN)/python benchmarks/run_all.py

lint: $(VENV)/linted
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

docs: $(VENV)/documented
	$(BIN)/python -m sphinx -q -W --keep-going -b html docs docs/_build

$(VENV)/bin/python:
	$(PYTHON) -m venv $(VENV)

$(VENV)/installed: $(VENV)/bin/python $(FILES)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e .
	@touch $@

$(VENV)/tested: $(VENV)/bin/python $(FILES)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e ".[test]"
	@touch $@

$(VENV)/linted: $(VENV)/bin/python $(FILES)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e ".[lint]"
	@touch $@

$(VENV)/documented: $(VENV)/bin/python $(FILES)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e ".[docs]"
	@touch $@

clean:
	rm -rf .venv .venv-3.* build docs/_build *.egg-info bioconv-demo
