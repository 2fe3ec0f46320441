# `make demo` and `make test` do everything on a fresh machine with Python 3.11 or newer.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
INSTALLED := .make/installed

.PHONY: demo test test-processes torture test-slow replicate-smoke browser-test check format benchmark browser clean

demo: $(INSTALLED)  ## Compare four models on handwritten digits; writes demo/report.html
	$(BIN)/paribus compare --data digits --models vae,conv-vae,gan,dcgan --seeds 3 --budget 300kimg --out demo

test: $(INSTALLED)  ## The default tests: no network, no GPU, no data sets
	$(BIN)/python -m pytest -n auto --dist worksteal

test-processes: $(INSTALLED)  ## Kills, Ray, PostgreSQL, the wheel: what the default tests leave out and CI runs
	$(BIN)/python -m pytest -n auto --dist worksteal -m processes

torture: $(INSTALLED)  ## Kills, faults, damage, nonsense, requests at random, seeded; prints how each case ended
	$(BIN)/python -m tests.torture --document docs/reliability.md

test-slow: $(INSTALLED)  ## Tests on real data sets (PARIBUS_DATA) and long ones
	$(BIN)/python -m pytest -m slow

replicate-smoke: $(INSTALLED)  ## All five papers, small, on enlarged digits: rows train, are scored and reported
	rm -rf runs/replicate-smoke
	env -u PARIBUS_DATA $(BIN)/paribus replicate all --scale smoke --out runs/replicate-smoke

browser-test: $(INSTALLED) browser  ## Tests in a real headless browser
	PARIBUS_BROWSER_REQUIRED=1 $(BIN)/python -m pytest -m browser

check: $(INSTALLED)  ## Style, types, structure
	$(BIN)/ruff format --check
	$(BIN)/ruff check
	$(BIN)/mypy
	$(BIN)/lint-imports

format: $(INSTALLED)
	$(BIN)/ruff format
	$(BIN)/ruff check --fix

benchmark: $(INSTALLED)  ## Speed of training and of evaluation beside the ordinary way
	$(BIN)/python benchmarks/training.py
	$(BIN)/python benchmarks/evaluation.py

browser:  ## Debian's chromium, for browser-test
	command -v chromium >/dev/null || (apt-get update -q && apt-get install -y -q chromium)

$(INSTALLED): pyproject.toml constraints.txt
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -c 'import sys; assert sys.version_info >= (3, 11), "Python 3.11 or newer is needed"'
	$(BIN)/python -m pip install --quiet --upgrade pip
	$(BIN)/python -m pip install --quiet -c constraints.txt -e '.[dev]'
	mkdir -p .make && touch $@

clean:
	rm -rf $(VENV) .make demo runs dist build
