# Every target sets itself up first; STACK=legacy|default|current picks another stack.
STACK ?=
BIN = .stacks/$(or $(STACK),active)/bin
PYTHON ?= python3
# Two processes suit two cores and 4 GB each; a file stays in one process, and tests/conftest.py
# says which comes first.
WORKERS ?= 2
PYTEST = $(BIN)/python -m pytest -n $(WORKERS) --dist loadfile --no-loadscope-reorder $(AGAIN)
ARGS ?=
# Whether a failed test may run once more; the summary shows it as RERUN, with its error. More
# than three of them are no accident.
RERUNS ?= 0
AGAIN = --reruns $(RERUNS) --max-suite-reruns 3 --rerun-show-tracebacks

.PHONY: help setup taxi test test-slow test-stacks test-moving test-engines test-containers lint lock docs bench clean

help: ## list the targets
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*##/\t/' | expand -t 14

setup: ## install the best stack for this machine (or STACK=...)
	@$(PYTHON) scripts/setup_stack.py $(STACK)

taxi: setup ## run the Chicago taxi pipeline end to end
	@$(BIN)/tfx-estimators run taxi $(ARGS)

test: setup ## the test suite
	@$(PYTEST) $(ARGS)

test-slow: setup ## the tests that take more than a minute each
	@$(PYTEST) -m slow $(ARGS)

test-stacks: setup ## the tests that must pass on every stack
	@$(PYTEST) -m "stacks and not slow" $(ARGS)

test-moving: ## a pipeline of stock TFX 1.15 moved to every stack that is installed, and back
	@$(MAKE) --no-print-directory setup STACK=legacy
	@$(MAKE) --no-print-directory setup STACK=default
	@.stacks/default/bin/python -m pytest -m slow tests/integration/test_moving.py $(ARGS)

test-engines: setup ## the transform on Flink and Spark, other Beam steps on Flink
	@$(PYTEST) -n 0 -m slow tests/components/transform/test_engines.py tests/components/test_engines.py \
	  -k cluster $(ARGS)

test-containers: setup ## the taxi pipeline, each step a container of the image (podman, 15 GB)
	@command -v podman >/dev/null && command -v runc >/dev/null && command -v debootstrap \
	  >/dev/null || scripts/apt_install.sh podman runc debootstrap
	@scripts/image.sh
	@$(PYTEST) -n 0 -m containers $(ARGS)

lint: setup ## ruff, mypy and the import contracts
	@$(BIN)/ruff check . && $(BIN)/ruff format --check . && $(BIN)/mypy && $(BIN)/lint-imports

docs: setup ## the documentation as a site, in build/site
	@$(BIN)/uv venv --quiet --allow-existing --python $(BIN)/python build/docs
	@$(BIN)/uv pip install --quiet --python build/docs --require-hashes -r requirements/docs.txt
	@build/docs/bin/mkdocs build --quiet --strict

lock: setup ## pin every stack anew
	@UV=$(BIN)/uv scripts/lock.sh

bench: setup ## run the benchmarks (half an hour) and write their figures into docs/performance.md
	@$(BIN)/python benchmarks/table.py $(ARGS)

clean: ## remove what runs and builds left behind
	@rm -rf runs build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis
