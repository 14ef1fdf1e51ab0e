# `make` alone lists what there is. Everything lives in .venv, made from locks with hashes. The locks are whole, so pip resolves
# nothing (--no-deps): it would look for the newest `coverage[toml]` while the lock pins `coverage`.
SHELL := bash
.SHELLFLAGS := -o pipefail -c
PYTHON ?= python3
BIN := .venv/bin
STEPS := fetch transform grid train evaluate promote
KINDS := xgboost lightgbm boosted
# all but torch, which is gigabytes
EXTRAS := $(addprefix --extra ,cluster xgboost lightgbm search)
# a line for every tenth package: pip alone is silent with -q and tells too much without
INSTALL = all=$$(grep -c == requirements/$(1).txt); echo "installing requirements/$(1).txt into .venv, packages: $$all"; \
	$(BIN)/python -m pip install --progress-bar off --disable-pip-version-check --no-deps --require-hashes -r requirements/$(1).txt \
	| awk -v all=$$all '/^(Collecting|Requirement already)/ && ++n % 10 == 0 {print "  " n " of " all " are here"; fflush()} /^Installing/ {print "  installing them"; fflush()}'
COMPILE = $(BIN)/uv pip compile -q --universal --generate-hashes --no-annotate --no-header --no-emit-index-url --no-emit-find-links --python-version 3.11
REGISTRY ?= docker.io/retrain
TAG ?= dev
PLATFORMS ?=
BUILDER ?= $(shell docker info >/dev/null 2>&1 && echo docker || echo buildah)
BUILD_docker = docker build --tag
BUILD_buildah = buildah build --layers $(if $(PLATFORMS),--manifest,--tag)
.DEFAULT_GOAL := help
.PHONY: help install demo test lint types layers unit browser conformance campaign bench coverage readme wheel hour models images lock clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.venv/bin/python:
	$(PYTHON) -c 'import sys; sys.exit("retrain needs Python 3.11 or newer, this is " + sys.version.split()[0]) if sys.version_info < (3, 11) else None'
	$(PYTHON) -m venv .venv

.venv/run.stamp: requirements/run.txt requirements/demo.txt pyproject.toml | .venv/bin/python
	@$(call INSTALL,run)
	@$(call INSTALL,demo)
	$(BIN)/python -m pip install -q --disable-pip-version-check --no-deps -e .
	@touch $@

.venv/dev.stamp: requirements/dev.txt .venv/run.stamp
	@$(call INSTALL,dev)
	@touch $@

install: .venv/run.stamp ## make .venv/bin/retrain

demo: .venv/run.stamp ## real flights land in a bucket, a model is trained, compared and promoted
	@$(BIN)/retrain demo

browser: ## Chromium for the tests of pages: found, or installed where apt can
	@command -v chromium chromium-browser google-chrome >/dev/null || { [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null \
	&& { echo "installing chromium by apt"; apt-get update -qq && apt-get install -y -qq --no-install-recommends chromium >/dev/null; }; } \
	|| echo "no Chromium here, and it cannot be installed: the tests of pages are skipped"

test: .venv/dev.stamp browser ## every check there is: about 17 minutes on 2 quiet cores
	@echo "about 17 minutes on 2 quiet cores: lint, types and layers take two of them"
	@for stage in lint layers; do echo "== $$stage"; $(MAKE) --no-print-directory $$stage || exit 1; done
	@echo "== unit, with types beside it: its tests wait most of the time"; told=$$(mktemp); trap 'rm -f "$$told"' EXIT; \
	$(MAKE) --no-print-directory types >"$$told" 2>&1 & types=$$!; code=0; \
	$(MAKE) --no-print-directory unit || code=1; wait $$types || code=1; echo "== types"; cat "$$told"; exit $$code

lint: .venv/dev.stamp ## ruff, and the manifests and specs
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/retrain lint

types: .venv/dev.stamp ## mypy --strict over src, handlers, tests and benchmarks
	$(BIN)/mypy

layers: .venv/dev.stamp ## who may import whom
	$(BIN)/lint-imports

unit: .venv/dev.stamp ## pytest, three files at a time, the long ones first: most of their time is waiting
	$(BIN)/pytest -n 3 --dist loadfile --no-loadscope-reorder

conformance: .venv/dev.stamp ## play what the real Argo controllers did through the embedded engine
	$(BIN)/pytest tests/conformance -v

coverage: .venv/dev.stamp ## pytest with coverage of src and handlers
	$(BIN)/pytest -n 3 --dist loadfile --no-loadscope-reorder --cov --cov-report=term-missing:skip-covered --cov-fail-under=90

campaign: .venv/dev.stamp ## what takes minutes of a failing world: a full disk under the engine, each fault of a bucket by itself
	$(BIN)/pytest -m campaign

readme: demo ## put what the demo prints into README.md
	$(BIN)/python -m retrain.demo.readme .retrain/demo

wheel: .venv/run.stamp ## make dist/retrain-<version>-py3-none-any.whl, which is all that another machine needs
	$(BIN)/python -m pip wheel -q --disable-pip-version-check --no-deps -w dist .

hour: .venv/dev.stamp ## play docs/tutorial/first-hour.md in an empty folder, with the time of each command
	$(BIN)/pytest -s tests/e2e/test_first_hour.py

models: .venv/run.stamp ## list every model of models/ in its kustomization
	$(BIN)/retrain lint --fix models

bench: .venv/dev.stamp ## every published figure, into benchmarks/results
	for script in benchmarks/*.py; do $(BIN)/python -m benchmarks.$$(basename $$script .py) || exit 1; done

images: $(addprefix image-,$(STEPS)) ## build the image of each step by docker or buildah; REGISTRY, TAG, PLATFORMS: docs/howto/images.md

image-%:
	$(BUILD_$(BUILDER)) $(REGISTRY)/$*:$(TAG) $(if $(PLATFORMS),--platform $(PLATFORMS)) $(BUILD_OPTIONS) --target $* -f handlers/Dockerfile .

lock: .venv/bin/python ## resolve requirements/ anew: everything, then for the image of each step the same versions
	$(BIN)/python -m pip install -q uv
	$(COMPILE) $(EXTRAS) --group dev pyproject.toml -o requirements/dev.txt
	$(COMPILE) $(EXTRAS) -c requirements/dev.txt pyproject.toml -o requirements/run.txt
	for group in $(STEPS) $(KINDS) torch sql search sbom; do $(COMPILE) -c requirements/run.txt --group $$group -o requirements/$$group.txt || exit 1; done

clean: ## remove the environment and the demo's state
	rm -rf .venv .retrain
