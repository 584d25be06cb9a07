# `make help` says what there is.

VENV ?= .venv
BIN := $(VENV)/bin
CODE := daemon/tocsin tests
MINUTES ?= 60

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

help: ## Say what there is
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-9s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

run: $(VENV)/.runtime ## Set up what is needed and serve on 127.0.0.1:9099 with the shipped config and rules
	@mkdir -p var
	@exec $(BIN)/tocsin serve --config config --rules rules --hint

test: $(VENV)/.development packages lint ## Everything that must be green: style, types, floors, tests, the wheel's content
	$(BIN)/pytest -n auto

fuzz: $(VENV)/.development ## Run the tests that generate their inputs, with new inputs each time; `make test` repeats the same ones
	TOCSIN_HYPOTHESIS=fuzz $(BIN)/pytest -n auto $$(grep -rl "^from hypothesis\|^import hypothesis" tests --include="test_*.py")

lint: check
check: $(VENV)/.development ## Style, types and floors only
	$(BIN)/ruff check $(CODE)
	$(BIN)/ruff format --check $(CODE)
	$(BIN)/mypy
	$(BIN)/lint-imports

docs: $(VENV)/.development ## Write the parts of the READMEs and config/commands.md that come from the code
	$(BIN)/python -m tocsin.conf.document rules/README.md
	$(BIN)/python -m tocsin.app.settings_reference config/README.md
	$(BIN)/python -m tocsin.telemetry.document config/prometheus/README.md
	$(BIN)/python -m tocsin.cli.reference config/commands.md
	.ci/map

bench: $(VENV)/.development packages ## Measure (takes minutes; tests/bench/README.md says how)
	$(BIN)/python tests/bench/run.py

chaos: $(VENV)/.development ## Run a constant load for MINUTES (60); memory, processor time and files must stay level
	$(BIN)/python tests/chaos/soak.py --minutes $(MINUTES)

schemas: $(VENV)/.development ## Write config/schemas/ anew from the code
	$(BIN)/python .ci/schemas

messages: $(VENV)/.development ## Write tests/fixtures/messages/ anew: every text that people get
	cd tests && PYTHONPATH=.:../daemon ../$(BIN)/python -m scenario.spoken

lock: ## Write requirements.lock anew from pyproject.toml
	.ci/lock

packages: ## Install the Debian packages that the tests run for real, where that is allowed
	@.ci/packages

clean: ## Remove what was built or set up; var/ stays
	rm -rf $(VENV) dist .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis
	find daemon tests -name __pycache__ -prune -exec rm -rf {} +

$(VENV)/.runtime: requirements.lock pyproject.toml
	@.ci/setup $(VENV) build runtime
	@touch $@

$(VENV)/.development: requirements.lock pyproject.toml
	@.ci/setup $(VENV) build runtime development
	@touch $@ $(VENV)/.runtime

.PHONY: help run test fuzz lint check docs bench chaos schemas messages lock packages clean
