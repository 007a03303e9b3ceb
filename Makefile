# The two commands a newcomer needs, each doing all of its own set-up on a fresh machine:
#   make demo            a fire in a real station, end to end (make demo ARGS="--headless --json")
#   make test            every check and test except the slow ones
# Set-up speaks on stderr, so that stdout is the command's own.

PYTHON ?= python3
UV_VERSION := 0.13.9
ARGS ?=
VENV := .venv
BIN := $(VENV)/bin
PAGE := src/s4allcities/ui/index.html
WEB := $(wildcard web/package-lock.json)
WEB_SOURCES := $(if $(WEB),$(wildcard web/*.*) $(shell find web/src web/public web/scripts -type f 2>/dev/null))

# uv does not read pip's settings: hand it the ones that a site may have made for pip.
ifdef PIP_FIND_LINKS
export UV_FIND_LINKS ?= $(PIP_FIND_LINKS)
endif
ifdef PIP_INDEX_URL
export UV_DEFAULT_INDEX ?= $(PIP_INDEX_URL)
endif
ifdef PIP_CERT
export SSL_CERT_FILE ?= $(PIP_CERT)
endif
export PYTHON

MAKEFLAGS += --no-print-directory
.SILENT:
.DEFAULT_GOAL := help
.PHONY: help setup ui demo test test-all prepare check check-python check-web unit bench screenshots fmt lock wheel clean

help: ## this list
	grep -hE '^[a-z-]+:.*## ' Makefile | sed -E 's/^([a-z-]+):.*## /  make \1\t/' | expand -t 22

# --- set-up ---------------------------------------------------------------------------------------

# $(1): what to install. uv takes seconds; pip is the way on where uv does not run. What is compiled here need not be at
# every start: that takes 4 s where Python is told to write no bytecode.
define install
	$(BIN)/uv pip install -q --compile-bytecode --python $(BIN)/python $(1) >&2 || $(BIN)/python -m pip install -q $(1) >&2
endef

$(BIN)/python:
	sh scripts/install-system.sh base
	echo "setup: making $(VENV)" >&2
	$(PYTHON) -m venv $(VENV) >&2

$(VENV)/.done: requirements/core.txt pyproject.toml | $(BIN)/python
	$(BIN)/python -m pip install -q --disable-pip-version-check uv==$(UV_VERSION) >&2 \
		|| echo "setup: no uv, going on with pip" >&2
	echo "setup: installing what the platform needs" >&2
	$(call install,--require-hashes -r requirements/core.txt)
	$(call install,--no-deps -e .)
	$(BIN)/python -m compileall -q src >&2
	touch $@

$(VENV)/.done-dev: requirements/dev.txt $(VENV)/.done
	sh scripts/install-system.sh test
	echo "setup: installing what the checks and tests need" >&2
	$(call install,--require-hashes -r requirements/dev.txt)
	touch $@

web/node_modules/.done: web/package.json web/package-lock.json $(wildcard web/.npmrc) | $(BIN)/python
	echo "setup: installing what the page is built with" >&2
	cd web && npm ci --no-audit --no-fund >&2
	touch $@

$(PAGE): $(WEB_SOURCES) | web/node_modules/.done
	echo "setup: building the page" >&2
	cd web && npm run build >&2
	touch $@

ifdef WEB
ui: $(PAGE) ## the page, from source
else
ui:
	echo "ui: no web/package-lock.json here, going on without the page" >&2
endif

# Compiled once here, the numeric kernels are loaded at later starts: a cold start is seconds instead of half a minute.
$(VENV)/.warm: $(VENV)/.done $(wildcard src/s4allcities/fusion/_*.py)
	echo "setup: compiling the numeric kernels" >&2
	$(BIN)/s4 warm >&2
	touch $@

setup: $(VENV)/.warm ui ## .venv/bin/s4 and the built page

# --- use ------------------------------------------------------------------------------------------

demo: setup ## the demonstration; options by ARGS="..."
	$(BIN)/s4 demo $(ARGS)

bench: setup $(VENV)/.done-dev ## every benchmark; writes docs/benchmarks.md
	$(BIN)/s4 bench --report docs/benchmarks.md $(ARGS)

screenshots: setup $(VENV)/.done-dev ## pictures of the page for the docs
	$(BIN)/python scripts/screenshots.py $(ARGS)

# --- check and test -------------------------------------------------------------------------------

check: check-python check-web ## format, lint, types, layers

check-python: $(VENV)/.done-dev
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo
	$(BIN)/codespell

ifdef WEB
check-web: web/node_modules/.done
	cd web && npm run check
else
check-web:
	echo "check-web: no web/package-lock.json here" >&2
endif

unit: $(VENV)/.done-dev # tests that start no other process, for the minutes between two commits
	$(BIN)/python -m pytest -q -n auto -m "not slow and not integration and not browser" $(ARGS)

# The kernels, the page and the checks do not wait for each other.
prepare:
	$(MAKE) -j2 setup check

# What starts servers runs alone: those tests wait for answers, and must not share the machine with others.
test: prepare ## check, and all tests but the slow ones
	$(BIN)/python -m pytest -n auto -m "not slow and not integration and not browser"
	$(BIN)/python -m pytest -m "not slow and (integration or browser)"
	$(if $(WEB),cd web && npm test)

test-all: prepare ## check, and all tests
	$(BIN)/python -m pytest $(ARGS)
	$(if $(WEB),cd web && npm test)

# --- look after -----------------------------------------------------------------------------------

fmt: $(VENV)/.done-dev ## format everything, mend what can be mended by itself
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .
	$(if $(WEB),cd web && npm run --if-present format)

lock: $(VENV)/.done ## compile requirements/*.txt again
	sh scripts/lock.sh $(ARGS)

wheel: ui $(VENV)/.done ## dist/*.whl with the page inside
	$(BIN)/uv build -q --wheel --out-dir dist

clean: ## remove what was made (not the data of runs)
	rm -rf $(VENV) .venv-bench dist web/node_modules web/dist src/s4allcities/ui .*_cache .hypothesis
	find src tests -name __pycache__ -type d -prune -exec rm -rf {} +
