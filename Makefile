# Everything runs in .venv, which is made on first use and refreshed when pyproject.toml or constraints.txt change.

PYTHON ?= python3
BACKEND ?= torch
BIN := .venv/bin
# What is installed, by extras: all for the checks, one framework for the quickstart.
INSTALLED := .venv/with-torch,tf-cpu,test,docs
QUICK := .venv/with-$(if $(filter tf tensorflow,$(BACKEND)),tf-cpu,torch)
TYPING := .typing/segport

.PHONY: quickstart test soak lint types docs frameworks examples bench clean

quickstart: $(QUICK)
	$(BIN)/segport quickstart --backend $(BACKEND)

# Two workers, a file of tests to each at a time. pytest comes last, so that its closing line is. SEGPORT_TEST_DATA names a folder of real data sets.
test: lint types
	$(BIN)/pytest -n 2 --dist loadfile

# Kills, damage and hostile input by the thousand, with what each counted: no part of the quick tests. See docs/reliability.md.
soak: $(INSTALLED)
	$(BIN)/pytest -n 2 --dist load -rA tests/soak

lint: $(INSTALLED)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports

# The second is a program that uses the package: what it may write, and what it may not.
types: $(INSTALLED) $(TYPING)
	MYPYPATH=$(CURDIR)/.typing $(BIN)/mypy -p segport
	MYPYPATH=$(CURDIR)/.typing $(BIN)/mypy --strict tests/typing/consumer.py

# Strict: a warning ends it. The notice it is told to leave out is about the theme's successor.
docs: .venv/with-docs
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict

# One framework at a time, and none: three environments of their own under .environments.
frameworks:
	$(PYTHON) tests/environments/frameworks.py

# The packages under examples, each as somebody else would install it: its tests, and a training run.
examples:
	$(PYTHON) tests/environments/examples.py

bench: $(INSTALLED)
	@set -e; for script in $(sort $(wildcard benchmarks/bench_*.py)); do echo "$$script"; $(BIN)/python $$script; done

clean:
	rm -rf build dist site *.egg-info quickstart .environments .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache .coverage
	rm -f .venv/with-*
	find . -name __pycache__ -not -path './.venv/*' -prune -exec rm -rf {} +

.venv/with-%: pyproject.toml setup.py constraints.txt
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --editable '.[$*]' --constraint constraints.txt
	touch '$@'

# The repository root is the package itself; mypy finds it under its name through this link.
$(TYPING):
	mkdir -p .typing
	ln -sfn .. $@
