# EstateLoop on one machine. `make` alone says what there is.

PYTHON ?= python3
VENV   := .venv/bin/python
ONLY   ?=
SEEDS  ?= 200
PIP_COMPILE := $(VENV) -m piptools compile -q --allow-unsafe --generate-hashes --strip-extras \
	--no-emit-find-links --no-emit-index-url --no-emit-options --no-emit-trusted-host

.DEFAULT_GOAL := help
.PHONY: help run test demo examples bench chaos office k8s-check lint types lock schemas clean setup setup-dev schemas-check

help:  ## show this list
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / { printf "  make %-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)
	@echo
	@echo "  Settings: PORT (8000), ESTATELOOP_HOME (.local), AMQP_URI and DATABASE_URL (use these servers instead of"
	@echo "  private ones), ESTATELOOP_DEMO=0 (start empty), ONLY=name (bench), SEEDS=200 (office), ESTATELOOP_CHAOS_KILLS (chaos)."

run: setup  ## start everything on http://127.0.0.1:$PORT in the foreground; Ctrl-C stops it
	@ESTATELOOP_SANDBOX=1 exec $(VENV) -m local.stack run

test: setup-dev lint types schemas-check  ## lint, types, schema drift, then every test on real servers
	$(VENV) -m pytest -n auto --dist loadfile --ignore=tests/e2e --ignore=tests/chaos
	$(VENV) -m pytest tests/e2e tests/chaos

demo: setup  ## one month in the life of the demo portfolio, against a running `make run`
	@$(VENV) -m demo month --url "$$($(VENV) -m local.stack url)"

examples: setup  ## write gateway/examples.json: what a stack of its own answers while it lives the demo
	@$(VENV) -m demo examples

bench: setup  ## benchmarks with their lower bounds; ONLY=name runs one
	$(VENV) -m bench --only=$(ONLY)

chaos: setup-dev  ## the long chaos run: ESTATELOOP_CHAOS_KILLS kills (200)
	ESTATELOOP_CHAOS_KILLS=$${ESTATELOOP_CHAOS_KILLS:-200} $(VENV) -m pytest -s tests/chaos

office: setup-dev  ## an office lives through SEEDS (200) years at random; all places must agree after every act
	ESTATELOOP_OFFICE_SEEDS=$(SEEDS) $(VENV) -m pytest -n auto -q tests/handlers/billing/receivables/test_money_model.py

k8s-check: setup-dev  ## render and validate the Kubernetes manifests
	$(VENV) -m deploy.k8s.check

lint: setup-dev  ## ruff: rules and format
	$(VENV) -m ruff check
	$(VENV) -m ruff format --check

types: setup-dev  ## mypy --strict
	$(VENV) -m mypy

schemas: setup-dev  ## write docs/events, docs/rpc, docs/sql, docs/permissions.md and docs/imports.md from the code
	$(VENV) -m services.common.process.schemas
	$(VENV) -m services.billing.sql --write
	$(VENV) -m gateway.permissions
	$(VENV) -m services.billing.imports.page

schemas-check: setup-dev
	$(VENV) -m services.common.process.schemas --check
	$(VENV) -m services.billing.sql --check
	$(VENV) -m gateway.permissions --check
	$(VENV) -m services.billing.imports.page --check

lock: setup-dev  ## resolve pyproject.toml, requirements-node.in and tests/clients/package.json into the lock files
	$(PIP_COMPILE) pyproject.toml --output-file=requirements.lock
	$(PIP_COMPILE) pyproject.toml --constraint=requirements.lock --extra=dev --output-file=requirements-dev.lock
	$(PIP_COMPILE) requirements-node.in --output-file=requirements-node.lock
	$(VENV) -m local.node install --package-lock-only

clean:  ## stop what `make run` left and remove .local/
	@$(PYTHON) -m local.clean

setup:
	@$(PYTHON) -m local.bootstrap

setup-dev:
	@$(PYTHON) -m local.bootstrap --dev
