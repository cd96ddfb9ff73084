# Two commands matter: `make up` runs the desk, `make test` proves it.
PYTHON ?= python3
JOBS ?= 4
BIN := .venv/bin

.PHONY: up test lint format bench schema lock clean

up: .venv/ready
	$(BIN)/deskbell up --demo

test: .venv/ready
	$(BIN)/python -m pytest -n $(JOBS) $(ARGS)

lint: .venv/ready
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: .venv/ready
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

bench: .venv/ready
	$(BIN)/python -m bench

schema: .venv/ready
	$(BIN)/deskbell schema > schema.graphql

# The lock holds versions and hashes and no URL; the index is whatever pip is set up to use.
.venv/ready: requirements.lock pyproject.toml .ci/install
	@echo "Setting up .venv (a minute at the first time) ..."
	@.ci/install $(PYTHON)

lock:
	uv pip compile pyproject.toml --group dev --universal --python-version 3.11 --generate-hashes \
	  --no-header --no-annotate --no-emit-index-url --upgrade -o requirements.lock

clean:
	rm -rf .venv build dist
