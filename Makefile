# Two commands on a fresh machine with Python 3.11 and make: `make demo` and `make test`. Both set up .venv first.
PYTHON ?= $(shell command -v python3.11 || command -v python3)
VENV ?= .venv
RUN := $(VENV)/bin/python
WORKERS ?= 2

.PHONY: help demo test test-slow test-faults test-engines test-mutation check setup report clean

help:  ## list the targets
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/'

setup: $(VENV)/.ready  ## the virtual environment, with what tests need

$(VENV)/.base: pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(call install,.)
	@touch $@

$(VENV)/.ready: $(VENV)/.base
	$(call install,.[dev])
	@touch $@

# uv installs in a fraction of pip's time; where it cannot be had, pip does the same.
define install
	if $(RUN) -m pip install --quiet --disable-pip-version-check --constraint constraints.txt uv; \
	then $(VENV)/bin/uv pip install --quiet --python $(RUN) --constraint constraints.txt --editable '$(1)'; \
	else $(RUN) -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '$(1)'; fi
endef

demo: $(VENV)/.base  ## one run on the laptop default, and its result
	$(RUN) -m medloc.run

test: setup check  ## the tests, a few minutes on two cores
	OMP_NUM_THREADS=1 $(RUN) -m pytest -m 'not slow and not faults and not engines' -n $(WORKERS)

test-slow: setup  ## the tests that take minutes each
	OMP_NUM_THREADS=1 $(RUN) -m pytest -m 'slow and not faults and not engines' -n $(WORKERS)

test-faults: setup  ## kills, full disks, two processes on one folder; prints what survived (under half an hour)
	OMP_NUM_THREADS=1 $(RUN) -m pytest -m faults tests/faults

test-engines: setup  ## real engines on this machine: SLURM, two hosts, the published vocabulary (root; Debian's packages)
	$(call install,.[engines])
	apt-get install --yes --no-install-recommends slurm-wlm munge iproute2
	OMP_NUM_THREADS=1 $(RUN) -m pytest -m engines --durations=0

test-mutation: setup  ## small changes to the pure rooms' code, one by one: do the tests notice? (docs/mutation.md)
	$(call install,.[mutation])
	OMP_NUM_THREADS=1 $(RUN) benchmarks/mutation.py run --max-children $(WORKERS)
	$(RUN) benchmarks/mutation.py results

check: setup  ## style and types
	$(RUN) -m ruff check .
	$(RUN) -m ruff format --check .
	$(RUN) -m mypy

report: $(VENV)/.base  ## tables, figures and the page from the records under results/
	$(RUN) -m medloc.report

clean:  ## remove the virtual environment; results stay
	rm -rf $(VENV)
