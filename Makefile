# Two commands are all that is needed: `make demo` and `make test`. They want Python 3.11 or later, make and a
# package index; everything else goes into .venv here.

VENV   := .venv
PYTHON := $(VENV)/bin/python
SEEDS  ?= 10000
SECONDS  ?= 300
SEED     ?= 1
WORKLOAD ?= evt
PYTEST_FLAGS ?=

.DEFAULT_GOAL := help
.PHONY: help demo test check format soak leaks chaos bench docs clean

help: ## This list
	@sed -n 's/^\([a-z]*\):.*## \(.*\)/  make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 18

demo: $(VENV)/.runtime ## Three real executives on this machine: watch them agree, crash, part and merge
	@$(PYTHON) -m openais demo

test: $(VENV)/.development ## All tests
	$(PYTHON) -m pytest $(PYTEST_FLAGS)

check: $(VENV)/.development ## What must hold before a commit: format, lint, strict types, all tests
	$(PYTHON) -m ruff format --check .
	$(PYTHON) -m ruff check .
	$(PYTHON) -m mypy
	$(PYTHON) -m mypy --strict tools examples benchmarks chaos
	$(PYTHON) -m pytest $(PYTEST_FLAGS)

format: $(VENV)/.development ## Bring the code into its format
	$(PYTHON) -m ruff format .
	$(PYTHON) -m ruff check --fix .

soak: $(VENV)/.development ## Simulate SEEDS=10000 clusters with every fault, checking every invariant; AMF with a twentieth
	$(PYTHON) -m openais simulate --seeds $(SEEDS)
	OPENAIS_EXAMPLES=100000 OPENAIS_AMF_STRIDE=1 OPENAIS_AMF_SEEDS=$$(( $(SEEDS) / 20 )) \
	    $(PYTHON) -m pytest tests/services/amf tests/simulation/test_availability.py

leaks: $(VENV)/.development ## C programs: 10,000 rounds of each library, and all test programs under valgrind
	OPENAIS_ROUNDS=10000 $(PYTHON) -m pytest tests/c_api/test_memory.py

chaos: $(VENV)/.development ## SECONDS=300 of kill -9, SIGSTOP, partitions and loss on real executives, as root
	$(PYTHON) -m chaos --workload $(WORKLOAD) --seconds $(SECONDS) --seed $(SEED) --json chaos.json

bench: $(VENV)/.development ## Measure the whole stack on this machine, beside corosync where it is installed
	$(PYTHON) -m benchmarks.comparison

docs: $(VENV)/.development ## Generate the tables and diagrams of docs/ from the code
	$(PYTHON) -m tools.generate

clean: ## Remove everything that the other commands made
	rm -rf $(VENV) build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# The first Python of 3.11 or later that really runs (a name on the path may be an empty shim).
$(PYTHON):
	@for name in $(BASE_PYTHON) python3.13 python3.12 python3.11 python3 python; do \
	    if $$name -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then \
	        echo "making $(VENV) with $$name"; \
	        $$name -m venv $(VENV) && exit 0; \
	        echo "$$name cannot make a virtual environment: install its venv module (Debian: python3-venv)" >&2; \
	        rm -rf $(VENV); exit 1; \
	    fi; \
	done; \
	echo "openais needs Python 3.11 or later on the path, or make BASE_PYTHON=/path/to/python" >&2; exit 1

$(VENV)/.runtime: pyproject.toml | $(PYTHON)
	@echo "installing openais into $(VENV)"
	@$(PYTHON) -m pip install --quiet --disable-pip-version-check --editable .
	@touch $@

$(VENV)/.development: pyproject.toml | $(PYTHON)
	@echo "installing openais and what its development needs into $(VENV)"
	@$(PYTHON) -m pip install --quiet --disable-pip-version-check --editable '.[dev,fast,c-api]'
	@touch $@ $(VENV)/.runtime
