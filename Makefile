# Everything a contributor or a CI machine runs. Needs Python >= 3.11 with venv, and make; nothing else beforehand.
#
# Each virtual environment is made of one pinned and hashed list, requirements/<name>.txt, and lives in
# .venv/<python version>/<name>. A stamp file in it makes the second run instant.

PYTHON ?= python3
SHELL := /bin/sh
.DELETE_ON_ERROR:
.DEFAULT_GOAL := help
.PHONY: help demo test check lint types docs pages picture wheel bench bench-quick instructions bench-strategies bench-nights bench-organizations bench-telemetry bench-web bench-cluster soak mutations model processes fuzz audit matrix sbom release-check lock clean

# Empty when there is no such Python, or an old one; each recipe that needs it then says so.
VERSION := $(shell $(PYTHON) -c 'import sys; print("%d.%d" % sys.version_info[:2] if sys.version_info >= (3, 11) else "")' 2>/dev/null)
ENV := .venv/$(VERSION)
ENVIRONMENT := $(PYTHON) requirements/environment.py
# `make test RESOLUTION=lowest` takes the oldest versions that pyproject.toml allows.
SUITE := $(ENV)/$(if $(filter lowest,$(RESOLUTION)),lowest,test)
TEST := $(SUITE)/bin/python -m
CHECK := $(ENV)/check/bin/python -m
TYPING := $(wildcard tests/typing)
# The code of all pages, as modules. The two services are packages, which mypy takes by name.
PAGES := build/pages
EXAMPLES := $(wildcard examples/*.py examples/store_directory/*.py)

define need_python
@test -n "$(VERSION)" || { echo "partoo_async needs Python 3.11 or newer, and '$(PYTHON)' is not one." \
	"Name another: make $(MAKECMDGOALS) PYTHON=python3.12" >&2; exit 1; }
endef

help:
	@echo "make demo    scan the demo sections of the built-in emulator: no key, no account"
	@echo "make test    run the test suite with coverage;  make test ARGS='-k retry'  runs a part without it"
	@echo "make check   lint, types, docs and wheel, each of which is a target too"
	@echo "make pages   write docs/cli.md anew from the command line;  make picture  those of the demo and of a report"
	@echo "make bench   what everything costs, beside other clients: over an hour;  make bench-quick  takes two minutes"
	@echo "make instructions   machine instructions of a call, beside those that are kept: a minute, with valgrind"
	@echo "make bench-strategies   requests and seconds of whole organizations: a minute, on a faked clock"
	@echo "make bench-nights   requests and seconds of a nightly job, likewise"
	@echo "make bench-organizations   seconds, CPU time and memory of 300 organizations in one process: a minute"
	@echo "make bench-telemetry   what OpenTelemetry adds to a call, with and without its SDK: a minute"
	@echo "make bench-web   a FastAPI route with this package and with bare aiohttp, asked by wrk: three minutes"
	@echo "make bench-cluster   seconds and memory of each process of a Dask cluster, for up to 100,000 groups: ten minutes"
	@echo "make soak    the long forms of some tests, and ten minutes of chaos;  make soak ARGS='--seconds 60'"
	@echo "make mutations   the rules of a shared quota, each taken out: which promises break;  make model  explores them all"
	@echo "make processes   real processes that share a quota, and what goes wrong: ten minutes"
	@echo "make fuzz    each decoder fed with what a coverage-guided fuzzer makes up;  make fuzz SECONDS=600"
	@echo "make audit   look the pinned versions up among known vulnerabilities"
	@echo "make matrix  the suite on each Python that is here, with the newest and the oldest dependencies: an hour"
	@echo "make sbom    what the package brings along, as CycloneDX;  make release-check TAG=v1.2.3  before that tag"
	@echo "make lock    pin the dependencies anew;  make lock ARGS=--upgrade  takes the newest releases"
	@echo "make clean   delete what the other targets made"
	@echo "Another Python:  make test PYTHON=python3.13;  the oldest versions of everything:  make test RESOLUTION=lowest"

demo: $(ENV)/demo/.stamp
	@$(ENV)/demo/bin/partoo demo

# It starts many Pythons, which keep their bytecode whatever the environment says, or each would compile all of its
# imports anew. Some tests wait for them: a third worker has the two cores of a small machine meanwhile.
test: WORKERS ?= 3
test: ARGS ?= --numprocesses=$(WORKERS) --dist=worksteal --cov --cov-report=term
test: export PYTHONDONTWRITEBYTECODE :=
test: $(SUITE)/.stamp
	$(TEST) pytest $(ARGS)

check: lint types docs wheel

lint: $(ENV)/check/.stamp
	$(CHECK) ruff check .
	$(CHECK) ruff format --check .
	$(ENV)/check/bin/lint-imports --no-cache

# tests/typing is never run: that it type-checks is the test. pyright takes the environment from the `python` on PATH;
# given --pythonpath instead, --verifytypes does not find the package.
PYRIGHT := PATH="$(CURDIR)/$(ENV)/check/bin:$$PATH" pyright

types: $(ENV)/check/.stamp
	$(ENV)/check/bin/python .ci/pages.py $(PAGES)
	$(CHECK) mypy --strict partoo_async _partoo_async_command.py _partoo_async_pytest.py $(TYPING) $(PAGES) $(EXAMPLES)
	$(CHECK) mypy --strict -p examples.fastapi_app -p examples.aiohttp_app
	$(PYRIGHT) --verifytypes partoo_async --ignoreexternal
	$(PYRIGHT)

docs: $(ENV)/check/.stamp
	NO_MKDOCS_2_WARNING=1 $(CHECK) mkdocs build --strict
	$(ENV)/check/bin/python .ci/check_site.py site

# What is written by the package itself: after a change of commands or options, and of what the demo shows.
pages: $(ENV)/test/.stamp
	$(ENV)/test/bin/python .ci/cli_page.py docs/cli.md

picture: $(ENV)/test/.stamp
	$(ENV)/test/bin/python .ci/picture.py docs/images/demo.svg
	$(ENV)/test/bin/python .ci/report_picture.py docs/images/report.png
	$(ENV)/test/bin/python .ci/example_picture.py docs/images/example.png

# What a user gets: the wheel, built by way of the sdist, in an environment with the core dependencies only, and in one
# with the extra `cli`. -I and the other directory keep the source tree out of sight of the script.
wheel: $(ENV)/check/.stamp
	rm -rf dist
	$(CHECK) build --no-isolation --outdir dist .
	$(ENVIRONMENT) make $(ENV)/wheel requirements/core.txt dist/*.whl
	cd $(ENV)/wheel && bin/python -I "$(CURDIR)/tests/wheel/check_installed.py"
	$(ENVIRONMENT) make $(ENV)/wheel requirements/demo.txt dist/*.whl
	cd $(ENV)/wheel && bin/python -I "$(CURDIR)/tests/wheel/check_installed.py" cli

# Prints ratios to bare aiohttp, never judged by a test: machines differ. Takes nginx for a server where there is one.
bench: $(ENV)/bench/.stamp
	$(ENV)/bench/bin/python -m benchmarks $(ARGS)

bench-quick: $(ENV)/bench/.stamp
	$(ENV)/bench/bin/python -m benchmarks --quick $(ARGS)

# Warns of growth, and does not fail for it. Bytecodes where there is no valgrind.
instructions: $(ENV)/test/.stamp
	$(TEST) benchmarks.instructions $(ARGS)

bench-strategies: $(ENV)/test/.stamp
	$(TEST) benchmarks.strategies $(ARGS)

bench-nights: $(ENV)/test/.stamp
	$(TEST) benchmarks.nights $(ARGS)

bench-organizations: $(ENV)/test/.stamp
	$(TEST) benchmarks.organizations $(ARGS)

bench-telemetry: $(ENV)/test/.stamp
	$(TEST) benchmarks.telemetry $(ARGS)

# Needs wrk.
bench-web: $(ENV)/test/.stamp
	$(TEST) benchmarks.web_routes --wrk $(ARGS)

bench-cluster: $(ENV)/test/.stamp
	$(TEST) benchmarks.cluster $(ARGS)

soak: $(ENV)/test/.stamp
	$(TEST) pytest -m soak --numprocesses=2 --dist=worksteal
	$(TEST) benchmarks.soak $(ARGS)

# Prints a table; tests/quota/shared/test_mutations.py holds that every rule is needed.
mutations: $(ENV)/test/.stamp
	$(TEST) benchmarks.fleet_mutations $(ARGS)

# Every order of events that a few processes and a store can get into, with the rules themselves.
model: $(ENV)/test/.stamp
	$(TEST) benchmarks.fleet_model $(ARGS)

processes: $(ENV)/test/.stamp
	$(TEST) benchmarks.processes $(ARGS)

fuzz: SECONDS ?= 60
fuzz: TARGETS ?= retry_after error_body group business businesses body path
fuzz: $(ENV)/fuzz/.stamp
	@for target in $(TARGETS); do echo "fuzzing $$target for $(SECONDS) s"; \
		$(ENV)/fuzz/bin/python -m fuzz.run $$target -max_total_time=$(SECONDS) -verbosity=0 || exit 1; done

audit: $(ENV)/audit/.stamp
	@$(ENV)/audit/bin/python .ci/audit.py

matrix:
	$(need_python)
	$(PYTHON) .ci/matrix.py $(ARGS)

# Of an environment that has the wheel and what it needs: with licences, and who needs whom.
sbom: $(ENV)/sbom/.stamp wheel
	@mkdir -p build
	$(ENVIRONMENT) make $(ENV)/wheel requirements/core.txt dist/*.whl
	$(ENV)/sbom/bin/cyclonedx-py environment $(ENV)/wheel/bin/python --pyproject pyproject.toml --mc-type library \
		--short-PURLs --output-reproducible -o build/sbom.cdx.json
	@echo "build/sbom.cdx.json is written"

release-check:
	$(need_python)
	@$(PYTHON) .ci/release.py "$(TAG)"

$(ENV)/%/.stamp: requirements/%.txt requirements/environment.py pyproject.toml
	$(need_python)
	@$(ENVIRONMENT) make $(@D) $<
	@touch $@

# For every Python and platform at once: a line that not all of them need has a marker. Each list stays within the
# versions of the one that it names (bench.txt within core.txt: other clients may need older tools), and `make lock` on
# its own keeps the versions of the list itself. Extras stay in the lists: without them pip takes a requirement like
# coverage[toml] for one that no line pins, as soon as there is a newer release.
COMPILE = $(ENVIRONMENT) uv pip compile -q pyproject.toml --universal --python-version 3.11 --generate-hashes \
	--no-strip-extras --annotation-style line --custom-compile-command "make lock" $(ARGS)

lock:
	$(need_python)
	$(COMPILE) -o requirements/core.txt
	$(COMPILE) -c requirements/core.txt --group build --extra cli -o requirements/demo.txt
	$(COMPILE) -c requirements/demo.txt --group test --all-extras -o requirements/test.txt
	$(COMPILE) -c requirements/test.txt --group check --extra cli --extra fastapi --extra otel --extra testing -o requirements/check.txt
	$(COMPILE) -c requirements/core.txt --group bench --extra cli --extra fastapi --extra otel -o requirements/bench.txt
	$(COMPILE) -c requirements/core.txt --group fuzz -o requirements/fuzz.txt
	$(COMPILE) -c requirements/core.txt --group audit -o requirements/audit.txt
	$(COMPILE) -c requirements/core.txt --group sbom -o requirements/sbom.txt
	$(COMPILE) --group test --all-extras --resolution lowest-direct -o requirements/lowest.txt
	$(ENVIRONMENT) uv pip compile -q --group tools --universal --python-version 3.11 --generate-hashes \
		--no-strip-extras --no-annotate --custom-compile-command "make lock" $(ARGS) -o requirements/uv.txt

clean:
	rm -rf .venv/3.* build dist site .coverage .coverage.* htmlcov .hypothesis .mypy_cache .pytest_cache .ruff_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
