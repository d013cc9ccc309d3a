# On a fresh machine with Python 3.11+ and make, `make demo` and `make test` do everything else themselves.
# Another Python: make test PYTHON=python3.12 VENV=.venv-3.12

PYTHON ?= python3
VENV ?= .venv
JOBS ?= 2
PYTEST_ARGS ?=
DEMO_ARGS ?=
BENCHMARKS ?= help_time synth table_load image_cache evaluation search cold_open serving faults one_pass depthwise published_speed embed_speed

PY := $(VENV)/bin/python
PIP := PIP_CONSTRAINT=constraints.txt PIP_BUILD_CONSTRAINT=constraints.txt PIP_DISABLE_PIP_VERSION_CHECK=1 $(PY) -m pip install -q
# Test workers share the cores: one computing thread each, and no worker tries to open a window or a socket to a hub.
TEST_ENV := OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 MPLBACKEND=Agg HF_HUB_OFFLINE=1
PYTEST := $(TEST_ENV) $(PY) -m pytest

.DEFAULT_GOAL := help
.PHONY: help demo test test-all test-base check format docs wheel bench chromium clean

help: ## list these targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{ printf "make %-10s %s\n", $$1, $$2 }'

demo: $(VENV)/base.stamp ## draw a small catalogue, index it, serve it, open the search page (no PyTorch)
	$(VENV)/bin/lapel demo $(DEMO_ARGS)

test: $(VENV)/all.stamp ## the tests, without the slow ones
	$(PYTEST) -m "not slow" -n $(JOBS) $(PYTEST_ARGS)

test-all: $(VENV)/all.stamp ## the tests, slow ones too
	$(PYTEST) -n $(JOBS) $(PYTEST_ARGS)

test-base: $(VENV)/dev.stamp ## the tests that need no PyTorch, without installing it (use another VENV for it)
	$(PYTEST) -m "not slow" -n $(JOBS) $(PYTEST_ARGS)

check: $(VENV)/all.stamp ## formatting, lint, types, import contracts
	$(PY) -m ruff format --check .
	$(PY) -m ruff check .
	$(PY) -m mypy
	$(VENV)/bin/lint-imports

format: $(VENV)/all.stamp ## put the code in its form
	$(PY) -m ruff format .
	$(PY) -m ruff check --fix .

docs: $(VENV)/docs.stamp ## build the pages into docs/_build/html; a warning is an error
	$(PY) docs/write_commands.py
	$(PY) -m sphinx -q -W --keep-going -b html docs docs/_build/html
	@echo "Open docs/_build/html/index.html"

wheel: $(VENV)/all.stamp ## build sdist and wheel; install the wheel in an empty environment and run the demo there
	rm -rf dist
	PIP_CONSTRAINT="$(CURDIR)/constraints.txt" $(PY) -m build --outdir dist .
	bash .ci/try-wheel "$(PYTHON)"

bench: $(VENV)/all.stamp ## run every benchmark; results go to benchmarks/results
	@mkdir -p benchmarks/results; failed=; for name in $(BENCHMARKS); do echo "== $$name"; out=benchmarks/results/$$name.json; \
	  $(PY) benchmarks/$$name.py > $$out.part || failed="$$failed $$name"; cat $$out.part; mv $$out.part $$out; \
	done; [ -z "$$failed" ] || { echo "Failed, or over a limit:$$failed"; exit 1; }

chromium: ## Debian's chromium for the page tests, where apt-get and the right to use it are at hand
	@if command -v chromium >/dev/null; then chromium --version; \
	elif command -v apt-get >/dev/null && [ "$$(id -u)" = 0 ]; then \
	  apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq chromium >/dev/null && chromium --version; \
	else echo "No chromium, and no apt-get as root to install it with: tests that open a page will skip."; fi

clean: ## remove environments, caches and build outputs
	rm -rf .venv .venv-* build dist docs/_build .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	find src tests benchmarks docs -name __pycache__ -type d -prune -exec rm -rf {} +

# Stamps: one environment, filled as far as a target needs, and again only when the pins change.
$(VENV)/made.stamp:
	@command -v "$(PYTHON)" >/dev/null || { echo "No '$(PYTHON)' here. Lapel needs Python 3.11 or newer: make PYTHON=/path/to/python3"; exit 1; }
	@"$(PYTHON)" -c 'import sys; v = sys.version_info; sys.exit(f"{sys.executable} is Python {v[0]}.{v[1]}; Lapel needs 3.11 or newer: make PYTHON=/path/to/python3" if v < (3, 11) else 0)'
	@"$(PYTHON)" -c 'import ensurepip, venv' 2>/dev/null || { echo "This Python cannot make virtual environments. On Debian and Ubuntu: apt-get install python3-venv"; exit 1; }
	"$(PYTHON)" -m venv $(VENV)
	@touch $@

$(VENV)/base.stamp: pyproject.toml constraints.txt | $(VENV)/made.stamp
	@echo "Installing Lapel without PyTorch into $(VENV) (once)"
	@$(PIP) -e .
	@touch $@

$(VENV)/dev.stamp: $(VENV)/base.stamp
	@$(PIP) -e '.[dev]'
	@touch $@

$(VENV)/all.stamp: $(VENV)/dev.stamp
	@echo "Installing PyTorch and the development tools into $(VENV) (once; a few GB on Linux)"
	@$(PIP) -e '.[train,dev]'
	@touch $@

$(VENV)/docs.stamp: $(VENV)/all.stamp
	@$(PIP) -e '.[train,dev,docs]'
	@touch $@
