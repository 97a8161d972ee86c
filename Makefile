# `make demo` and `make test` set everything up by themselves; nothing but Python 3.11+ and make is needed.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
READY  := $(VENV)/.ready

.DEFAULT_GOAL := help
.PHONY: help setup demo test test-all check format bench bench-psi bench-psi-peers e2e wheel clean

help:
	@echo "make demo      set up and run the main job: two organisations, three processes, real data"
	@echo "make test      set up and run the fast tests"
	@echo "make test-all  the slow ones too"
	@echo "make check     format, lint, types, import contracts"
	@echo "make bench     measure what is claimed about speed"
	@echo "make bench-psi measure matching beside its peers, where make bench-psi-peers has installed them"
	@echo "make e2e       only the tests that start real processes"
	@echo "make clean     remove what make made"

setup: $(READY)

$(READY): pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev]'
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[fast]' \
	  || echo "accord: the multi-buffer library is not to be had here; blinding will use PyNaCl, with the same results"
	@touch $(READY)

demo: $(READY)
	$(BIN)/accord demo

# Tests start many processes of ours: reading what is compiled spares each of them half a second.
test test-all e2e: export PYTHONDONTWRITEBYTECODE =

# Three workers on two cores: tests of several processes wait for each other a tenth of the time.
test: $(READY)
	$(BIN)/python -m pytest -n 3 --dist worksteal -m "not slow"

test-all: $(READY)
	ACCORD_TEST_DEPTH=4 $(BIN)/python -m pytest -n 2 --dist worksteal

e2e: $(READY)
	$(BIN)/python -m pytest -m e2e

check: $(READY)
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache

format: $(READY)
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

bench: $(READY)
	$(BIN)/python -m benchmarks.run

# The peers want Python 3.10 or 3.11 and 1 GB on disk: an environment of their own.
PEERS_PYTHON ?= $(PYTHON)
bench-psi: $(READY)
	$(BIN)/python -m benchmarks.psi.run $(BENCH_PSI)

bench-psi-peers:
	$(PEERS_PYTHON) -m venv benchmarks/psi/.venv
	benchmarks/psi/.venv/bin/python -m pip install --quiet --disable-pip-version-check -r benchmarks/psi/requirements.txt

wheel: $(READY)
	$(BIN)/python -m pip wheel --quiet --no-deps --wheel-dir dist .

clean:
	rm -rf $(VENV) benchmarks/psi/.venv dist build .mypy_cache .ruff_cache .pytest_cache .hypothesis .coverage
