# One command each: `make demo` runs the product's main job, `make test` runs every check.
# Everything Python goes into .venv; the system is never changed, except by `make system-packages`.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
WORKERS ?= 3
SYSTEM_PACKAGES := btrfs-progs chromium debootstrap e2fsprogs fonts-dejavu-core iproute2 shellcheck systemd-container util-linux xfsprogs

.DEFAULT_GOAL := help
.PHONY: help venv demo demo-linux test test-long lint types floors unit fuzz docs bench system-packages clean

help:  ## list the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  %-16s %s\n", $$1, $$2}'

venv: $(STAMP)  ## make the environment in .venv

$(STAMP): pyproject.toml constraints.txt
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "diskguard needs Python 3.11 or later")'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip --quiet --disable-pip-version-check install --constraint constraints.txt pip
	$(BIN)/python -m pip --quiet --disable-pip-version-check install --constraint constraints.txt hatchling editables
	$(BIN)/python -m pip --quiet --disable-pip-version-check install --constraint constraints.txt --no-build-isolation --editable '.[emulator]' --group test
	touch $(STAMP)

demo: $(STAMP)  ## the whole road on an emulated estate; no privileges, under two minutes
	PATH="$(CURDIR)/$(BIN):$$PATH" sh examples/demo.sh

demo-linux: $(STAMP)  ## the same on real file systems; needs root and loop devices
	$(BIN)/python -m diskguard_emulator.guests.linux_tree
	PATH="$(CURDIR)/$(BIN):$$PATH" DEMO_ESTATE=examples/estate-linux.yaml sh examples/demo.sh

test: lint types floors unit  ## every check, under ten minutes on two cores

lint: $(STAMP)
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	@if command -v shellcheck >/dev/null; then shellcheck --shell=sh $$(find src examples -name '*.sh') && shellcheck .ci/run; \
	else echo "skipped: shellcheck is not installed (make system-packages)"; fi

types: $(STAMP)
	$(BIN)/mypy

floors: $(STAMP)
	$(BIN)/lint-imports

# Tests on real file systems mostly wait, and one freeze at a time: they run in a process of their own beside the others.
unit: $(STAMP)
	rm -f .coverage .coverage.* .root-tests.*
	@(COVERAGE_FILE=.coverage.root $(BIN)/coverage run -m pytest -m "root and not long" >.root-tests.log 2>&1; \
	echo $$? >.root-tests.status) & \
	$(BIN)/coverage run -m pytest -n $(WORKERS) -m "not root and not long"; status=$$?; wait; \
	cat .root-tests.log; [ $$status = 0 ] && [ "$$(cat .root-tests.status)" = 0 ]
	$(BIN)/coverage combine --quiet
	$(BIN)/coverage report

test-long: $(STAMP)  ## the full tables: every kill, every power cut, every round
	rm -f .root-tests.*
	@($(BIN)/pytest -m "root and long" --timeout 3000 >.root-tests.log 2>&1; echo $$? >.root-tests.status) & \
	$(BIN)/pytest -n $(WORKERS) -m "not root and long" --timeout 3000; status=$$?; wait; \
	cat .root-tests.log; [ $$status = 0 ] && [ "$$(cat .root-tests.status)" = 0 ]

fuzz: $(STAMP)  ## ten thousand mutated policies: no traceback, none over 2 s or 300 MB
	$(BIN)/python -m tests.policy.fuzz

docs: $(STAMP)  ## write the generated pages anew
	$(BIN)/python docs/generate.py

bench: $(STAMP)  ## measure what performance claims rest on, and print the table
	$(BIN)/python -m benchmarks

system-packages:  ## install what the file-system and browser tests need from Debian (changes the system)
	apt-get update -qq
	DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $(SYSTEM_PACKAGES)
	PYTHONPATH=src $(PYTHON) -m diskguard_emulator.guests.linux_tree

clean:  ## remove everything made here
	rm -rf $(VENV) .demo .cache .coverage .coverage.* .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
