# Everything a developer does. On a bare machine it needs Python 3.11 or newer, cargo and gcc; the rest it gets itself.
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
MAKEFLAGS += --no-print-directory

VENV := .venv
BIN := $(VENV)/bin
ARGS ?=
PARALLEL := --numprocesses=auto --maxprocesses=8 --dist=worksteal
QUICK := composites errors event* handles mailslots mutexes names ntdll_* pipe_names pipes queue_ends queues rpc_failures rpc_interfaces rpc_values sections semaphores \
	sessions signal_and_wait status_tables timers views waits
PYTHON ?= $(shell bash tools/find_python)

RUST_SOURCES := Cargo.toml $(wildcard Cargo.lock) $(shell find crates -name '*.rs' -o -name Cargo.toml)
READY := $(VENV)/ready
ORDINARY := $(VENV)/built-ordinary
FAULTS := $(VENV)/built-faults
PEERS := $(VENV)/peers
MATURIN = PIP_QUIET=1 VIRTUAL_ENV="$(CURDIR)/$(VENV)" flock $(VENV)/lock $(BIN)/maturin develop --release --quiet
# What developers build keeps symbols and lines. Their maturin is called directly, not by way of tools/packaging.
export CARGO_PROFILE_RELEASE_STRIP := none
export MATURIN_NO_MISSING_BUILD_BACKEND_WARNING := 1

.PHONY: help
help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-14s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: build
build: $(ORDINARY) ## Build ntipc into .venv

.PHONY: build-faults
build-faults: $(FAULTS) ## Build ntipc into .venv with the fault points that crash tests need

.PHONY: demo
demo: $(ORDINARY) ## Run the demonstration (ARGS="--workers 4")
	@$(BIN)/ntipc demo $(ARGS)

.PHONY: test
test: $(FAULTS) ## Test the kernel, the library and every example (ARGS="-k mutex")
	cargo test --quiet --package ntipc_kernel --features faults
	@$(BIN)/python -m pytest $(PARALLEL) --doctest-modules --doctest-glob='*.md' tests python/ntipc docs README.md $(ARGS)

# What most edits break. What else `make test` runs takes minutes: deaths, interrupts at each instruction, models, storms.
.PHONY: quick
quick: $(FAULTS) ## Check types and layers, and run the tests that take no time (under a minute after an edit)
	@$(BIN)/ruff check --quiet .
	@$(BIN)/python tools/check_layers.py 2>/dev/null
	@$(BIN)/mypy
	@$(BIN)/python -m pytest $(PARALLEL) --quiet tests/docs/test_public_names.py \
		$(wildcard $(patsubst %,tests/behaviour/test_%.py,$(QUICK))) $(ARGS)

.PHONY: lint
lint: $(READY) ## Check style, types, stubs and layers
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/python tools/check_layers.py
	cargo fmt --all --check
	cargo clippy --quiet --workspace --all-targets --features ntipc_kernel/faults -- --deny warnings
	cargo clippy --quiet --package ntipc_kernel --lib --tests --features models -- --deny warnings
	@$(MAKE) $(if $(wildcard $(FAULTS)),$(FAULTS),$(ORDINARY))
	$(BIN)/mypy
	$(BIN)/python -m mypy.stubtest --mypy-config-file pyproject.toml --ignore-unused-allowlist \
		--ignore-disjoint-bases --allowlist tools/stubtest_allowlist.txt ntipc._kernel

.PHONY: format
format: $(READY) ## Bring all sources into the house's form
	$(BIN)/ruff check --fix --quiet .
	$(BIN)/ruff format .
	cargo fmt --all

.PHONY: bench
bench: $(ORDINARY) $(PEERS) ## Measure against multiprocessing and others (ARGS="--quick mutexes")
	@$(BIN)/python -m bench $(ARGS)

.PHONY: instructions
instructions: $(ORDINARY) ## Count the instructions of the hot paths and compare with those recorded (ARGS=--record)
	@$(BIN)/python -m bench.instructions $(ARGS)

.PHONY: stress
stress: $(FAULTS) ## Kill 10,000 processes, at every fault point at least 20 (about half an hour)
	@$(BIN)/python tests/stress/storm.py --kills 10000 --faults --hits 20 $(ARGS)
	@$(BIN)/python tests/stress/churn.py --of pipes --connects 10000 --kills 1000
	@$(BIN)/python tests/stress/churn.py --of ports --connects 10000 --kills 1000
	@$(BIN)/python tests/stress/churn.py --of rpc --connects 10000 --kills 1000
	@$(BIN)/python tests/stress/churn.py --of messages --connects 10000 --kills 1000

.PHONY: mutations
mutations: $(READY) ## Take recovery's ingredients away one at a time: some test must miss each (about half an hour)
	@$(BIN)/python tests/stress/mutations.py $(ARGS)

.PHONY: property
property: $(FAULTS) ## Hold the kernel against the reference model at random, for about ten minutes (ARGS="-k threads")
	@NTIPC_PROPERTY=thorough $(BIN)/python -m pytest tests/property $(ARGS)

.PHONY: soak
soak: $(ORDINARY) ## Run mixed load with kills for an hour, and see whether anything grows (ARGS="--minutes 60")
	@$(BIN)/python tools/requirements.py plots | $(BIN)/python -m pip install --quiet --disable-pip-version-check -r /dev/stdin
	@$(BIN)/python -m bench.soak $(ARGS)

.PHONY: fuzz
fuzz: $(FAULTS) ## Scribble in the memory of sessions while others use them (ARGS="--seconds 600")
	NTIPC_FUZZ_SECONDS=60 cargo test --quiet --package ntipc_kernel --features faults --test hostile
	@$(BIN)/python tests/hostile/fuzz.py $(ARGS)

# Options of a nightly compiler in a stable one; a target must be named, or build scripts would be built so too.
.PHONY: sanitize
sanitize: ## Run the kernel's tests under the address sanitizer, and scribble in its memory for a minute
	RUSTC_BOOTSTRAP=1 RUSTFLAGS=-Zsanitizer=address CARGO_TARGET_DIR=target/sanitize NTIPC_FUZZ_SECONDS=60 \
		cargo test --quiet --package ntipc_kernel --features faults --tests \
		--target $$(rustc -vV | awk '/^host:/ { print $$2 }')

.PHONY: models
models: ## Search schedules, orderings and deaths for one under which a protocol fails (about three minutes)
	cargo test --quiet --profile models --package ntipc_kernel --features models --test models --test orderings
	@bash models/check

# The tests are Wine's and are not part of ntipc: those of one version are fetched if WINE names no source.
WINE ?=
.PHONY: judge
judge: $(ORDINARY) ## Run Wine's tests of kernel32 and ntdll on the C library (WINE=/path/to/the/source/of/Wine)
	@$(BIN)/python tools/judge/judge.py $(if $(WINE),--wine "$(WINE)") $(ARGS)

.PHONY: proofs
proofs: ## What `.ci/run` leaves out because it takes long: instruction counts, models, kill storms, mutations (over an hour)
	@$(MAKE) instructions
	@$(MAKE) models
	@$(MAKE) stress
	@$(MAKE) mutations

.PHONY: docs
docs: $(ORDINARY) ## Check the documentation: links, and every example
	@$(BIN)/python docs/check.py $(ARGS)

# The wheel is built from the sdist as pip does it, stripped, so that whatever the sdist lacks is missed.
.PHONY: dist
dist: $(READY) ## Build the sdist, and from it the wheel, into dist/, and try them
	rm -rf dist
	$(BIN)/maturin sdist --out dist 2>$(VENV)/sdist.log || { cat $(VENV)/sdist.log; false; }
	env -u CARGO_PROFILE_RELEASE_STRIP PATH="$(CURDIR)/$(BIN):$$PATH" CARGO_TARGET_DIR="$(CURDIR)/target/dist" \
		$(BIN)/python -m pip wheel --quiet --disable-pip-version-check --no-deps --no-build-isolation --wheel-dir dist dist/*.tar.gz
	@$(BIN)/python tools/packaging/check_dist.py dist

.PHONY: clean
clean: ## Remove everything that was built
	rm -rf target $(VENV) dist .mypy_cache .pytest_cache .ruff_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
	rm -f python/ntipc/_kernel*.so

# The packages are those that pyproject.toml names, so there is one list.
$(READY): pyproject.toml tools/requirements.py | tools-present
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python tools/requirements.py > $(VENV)/requirements.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --requirement $(VENV)/requirements.txt
	touch $@

# What only measurements need. A peer that cannot be had is a row that says so.
$(PEERS): $(READY)
	$(BIN)/python tools/requirements.py bench plots > $(VENV)/peers.txt
	while read -r peer; do $(BIN)/python -m pip install --quiet --disable-pip-version-check "$$peer" \
		|| echo "cannot be installed: $$peer" >&2; done < $(VENV)/peers.txt
	touch $@

# One place in .venv for two builds: making one takes the other's stamp away. cargo keeps what both have in common.
$(ORDINARY): $(READY) $(RUST_SOURCES)
	$(MATURIN)
	rm -f $(FAULTS)
	touch $@

$(FAULTS): $(READY) $(RUST_SOURCES)
	$(MATURIN) --features faults
	rm -f $(ORDINARY)
	touch $@

.PHONY: tools-present
tools-present:
	@bash tools/check_tools "$(PYTHON)"
