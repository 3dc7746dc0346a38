# One command each: `make demo` runs the product's main job, `make test` runs every check.
# Everything Python goes into .venv; the system is never changed, except by `make system-packages`.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
WORKERS ?= 4
SYSTEM_PACKAGES := btrfs-progs debootstrap e2fsprogs iproute2 shellcheck systemd-container util-linux xfsprogs

.DEFAULT_GOAL := help
.PHONY: help venv demo demo-linux test test-long lint types floors unit docs bench system-packages clean

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

unit: $(STAMP)
	rm -f .coverage .coverage.*
	$(BIN)/coverage run -m pytest -n $(WORKERS) --dist loadgroup -m "not long"
	$(BIN)/coverage combine --quiet
	$(BIN)/coverage report

test-long: $(STAMP)  ## the full tables: every kill, every power cut, every round
	$(BIN)/pytest -n $(WORKERS) --dist loadgroup -m long --timeout 3000

docs: $(STAMP)  ## write the generated pages anew
	$(BIN)/python docs/generate.py

bench: $(STAMP)  ## measure what performance claims rest on, and print the table
	$(BIN)/python -m benchmarks

system-packages:  ## install what the file-system tests need from Debian (changes the system)
	apt-get update -qq
	DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $(SYSTEM_PACKAGES)
	PYTHONPATH=src $(PYTHON) -m diskguard_emulator.guests.linux_tree

clean:  ## remove everything made here
	rm -rf $(VENV) .demo .cache .coverage .coverage.* .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
