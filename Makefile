# The few commands that matter. PYTHON picks the interpreter, .venv is made by `setup`.
PYTHON ?= python3
BIN := .venv/bin

.PHONY: setup test check format bench ci nightly

setup: ## a virtual environment with the project (editable) and its tools
	$(PYTHON) -m venv .venv
	$(BIN)/pip install -e '.[test]'

test: ## all tests; those that need real clips skip where these are not
	$(BIN)/pytest

check: ## format, lint, types
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy

format:
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

bench: ## measures speed and memory on this machine: benchmarks/results/
	$(BIN)/python benchmarks/extract.py

ci: ## what must pass before anything lands
	bash .ci/run

nightly: ## the same with every campaign in full
	bash .ci/run --nightly
