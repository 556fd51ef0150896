# Everything runs in .venv, which `make` builds from the lock files; only package downloads use the network.

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.SUFFIXES:

# Empty: the first of /usr/bin/python3, python3, python3.13, python3.12, python3.11 that is new enough and can make
# virtual environments. Distributions build theirs with all optimisations; what version managers compile on the spot
# often has none, and gl takes a quarter more CPU on it.
PYTHON ?=
VENV   := .venv
PY     := $(CURDIR)/$(VENV)/bin/python
PIP    := $(PY) -m pip --disable-pip-version-check --no-input --quiet

UP               ?= $(PY) -m services.ginit.up
PYTEST_ARGS      ?= -n 2 --dist worksteal
CONFORMANCE      ?= ../shared/conformance
CONFORMANCE_ARGS ?=
BENCH_ARGS       ?=
SOAK_ARGS        ?=
DOCKER           ?= docker
IMAGE            ?= gecholog
IMAGE_ARGS       ?=
UV               ?= uv

.PHONY: help
help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-13s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: up
up: $(VENV)/.runtime ## start the appliance from this checkout
	@$(UP)

.PHONY: config-diff
config-diff: $(VENV)/.runtime ## show how your config files differ from those that are shipped
	@GECHOLOG_HOME="$${GECHOLOG_HOME:-app}" $(PY) -m services.ginit.startup.config_diff

.PHONY: import
import: $(VENV)/.runtime ## take over the config of llm-gateway, LiteLLM or GopherGate (FILE=config.yml)
	@[ -n '$(FILE)' ] || { echo 'make import needs the file: make import FILE=config.yml' >&2; exit 1; }
	@into="$${GECHOLOG_HOME:-app}/conf/gl_config.json"; \
	[ -e "$$into" ] || install -D -m 640 conf/gl_config.json "$$into"; \
	$(PY) -m services.gl.import_config '$(FILE)' --into "$$into"

.PHONY: test
test: check ## check, then all tests (PYTEST_ARGS)
	$(PY) -m pytest $(PYTEST_ARGS)

# The tests take the same examples every time; this is for a run beside the work, after which a found one becomes a test.
.PHONY: search
search: $(VENV)/.dev ## look for new examples that break the property tests, some minutes (PYTEST_ARGS)
	$(PY) -m pytest $(PYTEST_ARGS) -m hypothesis --hypothesis-profile search

.PHONY: mutants
mutants: $(VENV)/.dev ## put mistakes into ginit's decisions that the property tests must find, some minutes
	$(PY) -m tests.services.ginit.decision.mutants

.PHONY: check
check: $(VENV)/.dev ## lint, format, types, import contracts
	$(PY) -m ruff check
	$(PY) -m ruff format --check
	$(PY) -m mypy
	$(VENV)/bin/lint-imports --no-logo

.PHONY: fmt
fmt: $(VENV)/.dev ## format, and fix what can be fixed safely
	$(PY) -m ruff format
	$(PY) -m ruff check --fix
	$(PY) -m ruff format

# -B: the kit is not ours, leave no caches in it.
.PHONY: conformance
conformance: $(VENV)/.runtime ## run the conformance kit, if there is one (CONFORMANCE, CONFORMANCE_ARGS)
	@if [ ! -f '$(CONFORMANCE)/run.py' ]; then echo 'no conformance kit at $(CONFORMANCE), nothing run'; exit 0; fi; \
	set -x; $(PY) -B '$(CONFORMANCE)/run.py' --nats-server '$(CURDIR)/$(VENV)/bin/nats-server' \
	    --gl '$(PY) -m services.gl -o {config}' \
	    --tokencounter '$(PY) -m processors.tokencounter -o {config}' \
	    --nats2log '$(PY) -m services.nats2log -o {config}' \
	    --ginit '$(PY) -m services.ginit -o {config}' \
	    $(CONFORMANCE_ARGS)

# mypyc translates the modules of a call to C: minutes, and a C compiler and the headers of Python are needed (Debian:
# gcc, python3-dev). Everything else runs the source.
COMPILED = build/compiled
.PHONY: compiled
compiled: $(COMPILED)/.built ## compile the modules of gl through which a call runs, into build/compiled (needs gcc)

$(COMPILED)/.built: $(VENV)/.dev $(shell find gecholog processors services tools/compiled -name '*.py')
	$(PY) -m tools.compiled $(COMPILED)
	@touch $@

# Tests that use modules in their own process run the source: their doubles are not of the types that compiled code asks for.
.PHONY: compiled-test
compiled-test: compiled ## run the tests of gl with compiled gateways (PYTEST_ARGS)
	SERVICES_FROM=$(COMPILED) $(PY) -m pytest $(PYTEST_ARGS) tests/services/gl

.PHONY: bench
bench: $(VENV)/.dev ## run the benchmarks: calls and streams, then the file sink (BENCH_ARGS, SINK_ARGS)
	$(PY) -m bench $(BENCH_ARGS)
	$(PY) -m bench.sink $(SINK_ARGS)

# -s: the figures are what one wants to see. LOSS_SECONDS and LOSS_RATE set the load, CHANGES the number of changes.
.PHONY: soak
soak: $(VENV)/.dev ## the long proofs: no record lost, no call dropped (SOAK_ARGS)
	LOSS_SECONDS=$${LOSS_SECONDS:-60} LOSS_RATE=$${LOSS_RATE:-500} \
	    CHANGES=$${CHANGES:-200} CHANGES_INVALID=$${CHANGES_INVALID:-50} \
	    USAGE_KILLED_CALLS=$${USAGE_KILLED_CALLS:-1000} \
	    FAILOVER_CALLS=$${FAILOVER_CALLS:-1000} \
	    WORKER_KILLS=$${WORKER_KILLS:-20} WORKER_RELOADS=$${WORKER_RELOADS:-200} WORKER_RATE=$${WORKER_RATE:-300} \
	    CLUSTER_KILLS=$${CLUSTER_KILLS:-10} CLUSTER_RATE=$${CLUSTER_RATE:-200} CLUSTER_CUT=$${CLUSTER_CUT:-20} \
	    $(PY) -m pytest -s $(SOAK_ARGS) \
	    tests/system/test_loss.py tests/system/test_changes.py \
	    tests/system/test_cluster.py tests/services/gl/test_usage_after_kill.py \
	    tests/services/gl/test_failover_proof.py tests/services/gl/workers/test_workers.py
	GL_WORKERS=2 $(PY) -m pytest -s $(SOAK_ARGS) tests/services/gl/test_budgets_add_up.py \
	    tests/services/gl/test_usage_after_kill.py tests/services/gl/test_client_key_canary.py
	$(PY) -m pytest -s -m soak $(SOAK_ARGS) tests
	$(PY) -m pytest -m 'hypothesis and not soak' --hypothesis-profile soak $(SOAK_ARGS) tests

.PHONY: grafana-check
grafana-check: $(VENV)/.dev ## evaluate the dashboards and alerts of examples/observability in a real Prometheus, if installed
	$(PY) -m pytest -ra tests/examples/test_observability.py

.PHONY: image
image: ## build the container image (DOCKER, IMAGE, IMAGE_ARGS)
	$(DOCKER) build --tag '$(IMAGE)' $(IMAGE_ARGS) \
	    --build-arg VERSION="$$(sed -n 's/^__version__ = "\(.*\)"/\1/p' gecholog/__init__.py)" \
	    --build-arg REVISION="$$(git rev-parse HEAD 2>/dev/null || echo unknown)" .

.PHONY: image-test
image-test: $(VENV)/.dev ## build the image and try it
	@DOCKER='$(DOCKER)' PYTHON='$(PY)' tests/image/run.sh

# uv keeps the versions that are in the locks; UPGRADE=1 takes the newest that pyproject.toml allows.
# The dev lock is held to the runtime lock, so that what is tested is what is shipped.
LOCK = UV_CUSTOM_COMPILE_COMMAND='make lock' $(UV) pip compile --quiet --universal --python-version 3.11 \
       --generate-hashes --no-emit-index-url $(if $(UPGRADE),--upgrade)

.PHONY: lock
lock: ## write the lock files anew (needs uv; UPGRADE=1 for newer versions)
	@command -v $(UV) >/dev/null || { echo 'make lock needs uv: pip install uv, or UV=/path/to/uv' >&2; exit 1; }
	$(LOCK) --group build --output-file requirements.lock pyproject.toml
	$(LOCK) --group dev --constraint requirements.lock --output-file requirements-dev.lock pyproject.toml
	$(LOCK) --no-deps --output-file requirements-assets.lock requirements-assets.in

.PHONY: shipped
shipped: $(VENV)/.dev ## list the versions of the files in conf, after a change of one
	$(PY) -m services.ginit.startup.shipped

.PHONY: translation
translation: $(VENV)/.dev ## write the tables of docs/translation.md
	$(PY) -m tools.translation

.PHONY: prices
prices: $(VENV)/.dev ## write the table of models and prices anew, from the locked genai-prices
	$(PY) -m tools.prices

.PHONY: screenshots
screenshots: $(VENV)/.dev ## take the screenshots of the documentation (needs chromium)
	$(PY) -m tools.screenshots

.PHONY: clean
clean: ## remove .venv, caches and build products (not app/, which is yours)
	rm -rf .venv .hypothesis .import_linter_cache .mypy_cache .pytest_cache .ruff_cache build dist *.egg-info
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# Says how far it is on a terminal: a first installation takes about a minute.
INSTALL = $(PY) services/ginit/terminal/install.py

# The build backend comes from the locks as well, hence no build isolation.
EDITABLE = $(PIP) install --no-deps --no-build-isolation --editable .

# Files for browsers come out of wheels that are not imported: only those that the manifest lists are kept.
ASSETS      = requirements-assets.lock services/gui/assets/manifest.json services/gui/assets/collect.py
GET_ASSETS  = $(PIP) install --no-deps --no-compile --require-hashes --upgrade --target $(VENV)/carriers \
                  --requirement requirements-assets.lock \
              && $(PY) services/gui/assets/collect.py $(VENV)/carriers $(VENV)/gui_assets \
              && rm -rf $(VENV)/carriers

$(VENV)/.runtime: $(VENV)/.created requirements.lock pyproject.toml $(ASSETS)
	@$(INSTALL) requirements.lock
	@$(EDITABLE)
	@$(GET_ASSETS)
	@touch $@

# The dev lock holds all of the runtime lock.
$(VENV)/.dev: $(VENV)/.created requirements.lock requirements-dev.lock pyproject.toml $(ASSETS)
	@$(INSTALL) requirements-dev.lock
	@$(EDITABLE)
	@$(GET_ASSETS)
	@touch $(VENV)/.runtime $@

# Debian's python3 comes without ensurepip, and then venv ends in a traceback: ask before.
$(VENV)/.created:
	@python='$(PYTHON)'; \
	for wanted in 'import ensurepip, venv' 'pass'; do \
	    for candidate in $${python:-/usr/bin/python3 python3 python3.13 python3.12 python3.11}; do \
	        if "$$candidate" -c "import sys; $$wanted; sys.exit(sys.version_info < (3, 11))" 2>/dev/null; then found=$$candidate; break 2; fi; \
	    done; \
	done; \
	if [ -z "$$found" ]; then \
	    version=$$("$${python:-python3}" --version 2>/dev/null || echo 'not there'); \
	    echo "gecholog needs Python 3.11 or newer, and $${python:-python3} is $$version." >&2; \
	    echo "Install one (Debian 12, Ubuntu 24.04 or newer: apt install python3 python3-venv) or name it: make PYTHON=/path/to/python3" >&2; \
	    exit 1; \
	fi; \
	if ! "$$found" -c 'import ensurepip, venv' 2>/dev/null; then \
	    echo "$$found cannot make a virtual environment: the package python3-venv is missing (apt install python3-venv)." >&2; \
	    exit 1; \
	fi; \
	echo "$$found -m venv .venv" >&2; \
	"$$found" -m venv --clear '$(VENV)'
	@touch $@
