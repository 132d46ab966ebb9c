# Two commands do everything: `make demo` and `make test`. Each bootstraps what it needs.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
CENTERS ?= 1
PORT ?= 8080
export PREFECT_SERVER_ANALYTICS_ENABLED := false
export DO_NOT_TRACK := 1
export PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS := 120
export PIP_DISABLE_PIP_VERSION_CHECK := 1

.PHONY: demo test setup check lint types architecture unit browser bench notebooks docs chaos screenshots clean

demo: setup
	$(BIN)/ratiocast demo $(if $(ONCE),--once) --centers $(CENTERS) --port $(PORT)

test: check unit

setup: $(STAMP)

$(STAMP): pyproject.toml constraints.txt
	@echo "Installing the pinned dependencies into $(VENV) (some minutes the first time) ..."
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed; say make PYTHON=python3.12, for example")'
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --editable '.[dev,notebooks,docs]' --constraint constraints.txt
	@touch $@

check: lint types architecture

lint: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: setup
	$(BIN)/mypy

architecture: setup
	$(BIN)/lint-imports

unit: setup browser
	$(BIN)/python -m pytest -n 2 --dist loadfile

# The tests of the pages need a real browser: installed where that is possible, else they skip and say so.
browser:
	@command -v chromium >/dev/null && command -v chromedriver >/dev/null && exit 0; \
	if command -v apt-get >/dev/null && [ "$$(id -u)" = 0 ]; then \
	  echo "Installing chromium and chromium-driver for the tests of the pages ..."; \
	  apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends \
	    chromium chromium-driver fonts-dejavu-core >/dev/null \
	  || echo "Chromium could not be installed; the tests of the pages will be skipped."; \
	else echo "No chromium and chromedriver here; the tests of the pages will be skipped."; fi

bench: setup
	$(BIN)/python -m benchmarks

notebooks: setup
	$(BIN)/python -m notebooks.run

docs: setup
	$(BIN)/mkdocs build --strict

chaos: setup
	$(BIN)/python -m pytest -m chaos --timeout 3600 -n 4 --dist load

screenshots: setup
	$(BIN)/python -m benchmarks.screenshots

clean:
	rm -rf $(VENV) .ratiocast .mypy_cache .ruff_cache .import_linter_cache site
