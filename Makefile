# Everything a contributor or a CI machine runs. Needs Python >= 3.11 with venv, and make; nothing else beforehand.
#
# Each virtual environment is made of one pinned and hashed list, requirements/<name>.txt, and lives in
# .venv/<python version>/<name>. A stamp file in it makes the second run instant.

PYTHON ?= python3
SHELL := /bin/sh
.DELETE_ON_ERROR:
.DEFAULT_GOAL := help
.PHONY: help demo test check lint types docs wheel bench bench-quick soak fuzz audit lock clean

# Empty when there is no such Python, or an old one; each recipe that needs it then says so.
VERSION := $(shell $(PYTHON) -c 'import sys; print("%d.%d" % sys.version_info[:2] if sys.version_info >= (3, 11) else "")' 2>/dev/null)
ENV := .venv/$(VERSION)
# -qq leaves errors only; without compiling, which Python does on import, an environment is ready sooner.
PIP_INSTALL := -m pip --disable-pip-version-check -qq install --no-compile
TEST := $(ENV)/test/bin/python -m
CHECK := $(ENV)/check/bin/python -m
TYPING := $(wildcard tests/typing)

define need_python
@test -n "$(VERSION)" || { echo "partoo_async needs Python 3.11 or newer, and '$(PYTHON)' is not one." \
	"Name another: make $(MAKECMDGOALS) PYTHON=python3.12" >&2; exit 1; }
endef

help:
	@echo "make demo    scan the demo sections of the built-in emulator: no key, no account"
	@echo "make test    run the test suite with coverage;  make test ARGS='-k retry'  runs a part without it"
	@echo "make check   lint, types, docs and wheel, each of which is a target too"
	@echo "make bench   what a request costs, beside other clients: half an hour;  make bench-quick  takes a minute"
	@echo "make soak    ten minutes of chaos, after which nothing may have grown;  make soak ARGS='--seconds 60'"
	@echo "make fuzz    each decoder fed with what a coverage-guided fuzzer makes up;  make fuzz SECONDS=600"
	@echo "make audit   look the pinned versions up among known vulnerabilities"
	@echo "make lock    pin the dependencies anew;  make lock ARGS=--upgrade  takes the newest releases"
	@echo "make clean   delete what the other targets made"
	@echo "Another Python:  make test PYTHON=python3.13"

demo: $(ENV)/demo/.stamp
	@$(ENV)/demo/bin/partoo demo

# Half of its time the suite waits for servers and processes of its own: four workers on two quiet cores are faster yet.
# It starts hundreds of Pythons, which keep their bytecode whatever the environment says, or each would compile all of
# its imports anew.
test: WORKERS ?= 2
test: ARGS ?= --numprocesses=$(WORKERS) --dist=worksteal --cov --cov-report=term
test: export PYTHONDONTWRITEBYTECODE :=
test: $(ENV)/test/.stamp
	$(TEST) pytest $(ARGS)

check: lint types docs wheel

lint: $(ENV)/check/.stamp
	$(CHECK) ruff check .
	$(CHECK) ruff format --check .

# tests/typing is never run: that it type-checks is the test. pyright takes the environment from the `python` on PATH;
# given --pythonpath instead, --verifytypes does not find the package.
PYRIGHT := PATH="$(CURDIR)/$(ENV)/check/bin:$$PATH" pyright

types: $(ENV)/check/.stamp
	$(CHECK) mypy --strict partoo_async _partoo_async_pytest.py $(TYPING)
	$(PYRIGHT) --verifytypes partoo_async --ignoreexternal
	$(if $(TYPING),$(PYRIGHT) $(TYPING))

docs: $(ENV)/check/.stamp
	NO_MKDOCS_2_WARNING=1 $(CHECK) mkdocs build --strict

# What a user gets: the wheel, built by way of the sdist, in an environment with the core dependencies only and then
# with the extra `cli`. -I and the other directory keep the source tree out of sight of the script.
wheel: $(ENV)/check/.stamp
	rm -rf dist $(ENV)/wheel
	$(CHECK) build --no-isolation --outdir dist .
	$(PYTHON) -m venv $(ENV)/wheel
	$(ENV)/wheel/bin/python $(PIP_INSTALL) --require-hashes -r requirements/core.txt
	$(ENV)/wheel/bin/python $(PIP_INSTALL) --no-deps dist/*.whl
	cd $(ENV)/wheel && bin/python -I "$(CURDIR)/tests/wheel/check_installed.py"
	$(ENV)/wheel/bin/python $(PIP_INSTALL) --require-hashes -r requirements/demo.txt
	cd $(ENV)/wheel && bin/python -I "$(CURDIR)/tests/wheel/check_installed.py" cli

# Prints ratios to bare aiohttp, never judged by a test: machines differ. Takes nginx for a server where there is one.
bench: $(ENV)/bench/.stamp
	$(ENV)/bench/bin/python -m benchmarks.bench $(ARGS)
	$(ENV)/bench/bin/python -m benchmarks.importtime

bench-quick: $(ENV)/bench/.stamp
	$(ENV)/bench/bin/python -m benchmarks.bench --quick $(ARGS)

soak: $(ENV)/test/.stamp
	$(TEST) benchmarks.soak $(ARGS)

# atheris has no wheel for every Python, so that it is in no list: the newest one that runs here is named.
fuzz: SECONDS ?= 60
fuzz: TARGETS ?= retry_after error_body group body path
fuzz:
	$(need_python)
	@test -d $(ENV)/fuzz || $(PYTHON) -m venv $(ENV)/fuzz
	@$(ENV)/fuzz/bin/python $(PIP_INSTALL) --require-hashes -r requirements/core.txt
	@$(ENV)/fuzz/bin/python $(PIP_INSTALL) --only-binary :all: atheris==3.0.0 || { \
		echo "There is no atheris for Python $(VERSION); name one from 3.11 to 3.13: make fuzz PYTHON=python3.12" >&2; exit 1; }
	@for target in $(TARGETS); do echo "fuzzing $$target for $(SECONDS) s"; \
		$(ENV)/fuzz/bin/python -m fuzz.run $$target -max_total_time=$(SECONDS) -verbosity=0 || exit 1; done

audit:
	$(need_python)
	@test -d $(ENV)/audit || $(PYTHON) -m venv $(ENV)/audit
	@$(ENV)/audit/bin/python $(PIP_INSTALL) pip-audit==2.10.1
	@$(ENV)/audit/bin/python .ci/audit.py

# Made anew as a whole, never patched, so that no package lingers that the list no longer names. The package itself is
# installed from the source tree with the build backend of the same list: pip would fetch an unpinned one.
$(ENV)/%/.stamp: requirements/%.txt pyproject.toml
	$(need_python)
	@echo "Making $(@D) with $$($(PYTHON) --version) ..."
	@rm -rf $(@D)
	@$(PYTHON) -m venv $(@D)
	@$(@D)/bin/python $(PIP_INSTALL) --require-hashes -r $<
	@$(@D)/bin/python $(PIP_INSTALL) --no-deps --no-build-isolation -e .
	@touch $@

# Under 3.11, since an older Python has all the dependencies of a newer one and its backports besides. Each list is
# compiled within the versions of the one before it (bench.txt within core.txt: other clients may need older tools), and
# `make lock` on its own keeps the versions of the list itself.
# `grep` refuses the address of an index or of a file: a list has to work with whatever index its reader uses.
LOCK := $(ENV)/lock/bin/python -m
# The suite runs everything that there is.
EXTRAS := --extra arrow --extra cli --extra fastapi --extra otel --extra testing
PIP_COMPILE = CUSTOM_COMPILE_COMMAND="make lock" $(LOCK) piptools compile --quiet --generate-hashes --allow-unsafe \
	--strip-extras --no-emit-index-url --no-emit-trusted-host --no-emit-find-links --no-emit-options \
	--annotation-style line $(ARGS) pyproject.toml

lock:
	$(need_python)
	@test "$(VERSION)" = 3.11 || { echo "make lock needs Python 3.11: make lock PYTHON=python3.11" >&2; exit 1; }
	$(PYTHON) -m venv $(ENV)/lock
	$(ENV)/lock/bin/python $(PIP_INSTALL) pip-tools==7.6.2 dependency-groups==1.3.2
	$(PIP_COMPILE) -o requirements/core.txt
	$(LOCK) dependency_groups build | $(PIP_COMPILE) - --extra cli -c requirements/core.txt -o requirements/demo.txt
	$(LOCK) dependency_groups test | $(PIP_COMPILE) - $(EXTRAS) -c requirements/demo.txt -o requirements/test.txt
	$(LOCK) dependency_groups check | $(PIP_COMPILE) - --extra cli --extra fastapi --extra otel --extra testing -c requirements/test.txt -o requirements/check.txt
	$(LOCK) dependency_groups bench | $(PIP_COMPILE) - -c requirements/core.txt -o requirements/bench.txt
	sed -i.bak -e 's|-c requirements/[a-z]*\.txt, ||' -e 's|-r -|a dependency group|' requirements/*.txt
	rm requirements/*.bak
	! grep -n -e '://' -e 'file:' -e ' /' requirements/*.txt

clean:
	rm -rf .venv/3.* dist site .coverage .coverage.* htmlcov .hypothesis .mypy_cache .pytest_cache .ruff_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
