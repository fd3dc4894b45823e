# Everything there is to do with this repository. `make` alone lists it.
PYTHON ?= python3
VENV := .venv
PY := $(VENV)/bin/python
DISTRIBUTIONS := brownout/pyproject.toml inventario-retail/pyproject.toml
TESTS := brownout/tests inventario-retail/tests $(wildcard tests)
# Pyright would ask for its newest version each time.
export PYRIGHT_PYTHON_IGNORE_WARNINGS := 1
# What needs neither the hooks' libraries nor a server.
FREE_THREADED = $(filter-out brownout/tests/test_hook_% brownout/tests/test_docs_%,$(wildcard brownout/tests/test_*.py))
POSTGRES_15 := /usr/lib/postgresql/15/bin

.DEFAULT_GOAL := help
.PHONY: help run install check test test-all test-free-threaded soak bench-brownout bench docs lock format clean
# One recipe after the other, whatever -j says: tests and checks share the machine's cores anyway.
.NOTPARALLEL:

help: ## List these tasks
	@awk -F ' *## ' '/^[a-z-]+:.*## / { sub(/:.*/, "", $$1); printf "  make %-20s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)
	@echo '  make run ARGS="--port 8081 --data /srv/shop" passes arguments on; PYTHON=python3.12 chooses the interpreter'

run: $(VENV)/.installed-run ## Run the whole shop on http://127.0.0.1:8080; Ctrl-C stops it
	@exec $(PY) -P -m inventario up --follow-parent $(ARGS)

install: $(VENV)/.installed-dev ## Install what the tests and checks need

$(VENV)/.installed-%: requirements/%.txt $(DISTRIBUTIONS) scripts/install.sh
	@sh scripts/install.sh $* "$(PYTHON)"

check: $(VENV)/.installed-dev ## Look at the code: ruff, mypy, pyright, import contracts
	$(PY) -m ruff check .
	$(PY) -m ruff format --check .
	$(PY) -m mypy
	$(PY) -m pyright -p brownout/tests/typing
	$(VENV)/bin/lint-imports --no-cache

test: check ## Check, and run every test that Python alone can run
	$(PY) -m pytest -m "not system" $(TESTS)

test-all: packages test ## Also the tests on PostgreSQL 15 and in a browser (Debian: postgresql-15, chromium)
	$(PY) -m pytest -m system $(TESTS)
	INVENTARIO_PG_BIN=$(POSTGRES_15) $(PY) -m pytest -m "not system" --ignore inventario-retail/tests/stack inventario-retail/tests $(wildcard tests)

.PHONY: packages
packages:
	@sh scripts/need.sh postgresql-15 $(POSTGRES_15)/postgres chromium chromium

test-free-threaded: ## brownout's tests on a Python without the GIL: make test-free-threaded PYTHON=python3.13t
	@sh scripts/separate.sh .venv-free-threaded "$(PYTHON)" --only-binary :all: pytest pytest-asyncio hypothesis
	@.venv-free-threaded/bin/python -c 'import sys; sys.exit(getattr(sys, "_is_gil_enabled", lambda: True)())' || \
		{ echo "$(PYTHON) has a GIL. Name a free-threaded one: make test-free-threaded PYTHON=python3.13t" >&2; exit 1; }
	.venv-free-threaded/bin/python -m pytest -p no:cacheprovider $(FREE_THREADED)

soak: $(VENV)/.installed-dev ## A million random steps of the breaker against its model; takes long
	BROWNOUT_SOAK_STEPS=1000000 $(PY) -m pytest -s brownout/tests/test_breaker_model.py

bench-brownout: ## Measure brownout and its peers: make bench-brownout PYTHON=python3.13
	@sh scripts/separate.sh .venv-peers "$(PYTHON)" --require-hashes -r requirements/peers.txt
	@set -e; for script in brownout/bench/*.py; do echo "== $$script"; .venv-peers/bin/python "$$script"; done
	.venv-peers/bin/python brownout/scripts/figures.py

bench: $(VENV)/.installed-dev ## Measure; prints figures and keeps the raw results in bench/results
	@set -e; for script in bench/*.py; do echo "== $$script"; $(PY) "$$script"; done

docs: $(VENV)/.installed-dev ## Write the parts of docs/ that come from code
	$(PY) scripts/document.py
	$(PY) brownout/scripts/reference.py
	$(PY) brownout/scripts/figures.py

lock: ## Write requirements/*.txt anew from *.in
	@sh scripts/lock.sh "$(PYTHON)"

format: $(VENV)/.installed-dev ## Bring the code into the house's format
	$(PY) -m ruff check --fix .
	$(PY) -m ruff format .

clean: ## Remove what was installed and cached; the shop in var stays
	rm -rf $(VENV) .venv-* .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache .coverage
	find brownout inventario-retail bench tests -type d -name __pycache__ -prune -exec rm -rf {} +
