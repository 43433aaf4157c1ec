# make run      everything needed to try Qihang on this machine, then http://127.0.0.1:8000 (PORT=… changes it)
# make test     the tests; DATABASE_URL=postgres://… runs them on PostgreSQL
# make test-all the same with the slow ones (process kills, faults)
# make check    format, lint, layers, types, migrations, deployment check
# make bench    SIZE=10k (or 100k, 1m): speed against the usual Django way
# make format   let ruff and djlint write the format

SHELL := /bin/bash
PYTHON ?= python3
PORT ?= 8000
WORKERS ?= 2
SIZE ?= 10k
DEMO ?= 1
DEBUG ?= 0
# The order of `make test` is one of many and always the same; `make test-all` takes another at every run.
SEED ?= 2027
CHROMIUM ?= $(shell command -v chromium chromium-browser google-chrome 2>/dev/null | head -n 1)

VENV := .venv
PY := $(VENV)/bin/python
CODE := admin_site benchmarks config exports models self_service tests workflows
HERE := $(wildcard $(CODE))
RUNTIME := $(VENV)/.runtime-installed
DEVELOPMENT := $(VENV)/.development-installed

.DEFAULT_GOAL := help
.PHONY: help run prepare test test-all check format bench clean

help:
	@sed -n 's/^# \(make .*\)/\1/p' Makefile

# ---- environment, with the fonts of printed forms: made once, again only when a requirements file changes --------------------------------------------------------

$(PY):
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "需要 Python 3.11 或更新的版本；可用 make run PYTHON=/路径/python3 指定。"; exit 1; }
	@$(PYTHON) -m venv $(VENV) || { echo "无法建立虚拟环境。Debian/Ubuntu 请先安装：apt install python3-venv"; rm -rf $(VENV); exit 1; }

$(RUNTIME): requirements.txt | $(PY)
	$(PY) -m pip install --quiet --disable-pip-version-check -r requirements.txt
	@$(PY) -m exports.documents.fonts
	@touch $@

$(DEVELOPMENT): requirements.txt requirements-dev.txt | $(PY)
	$(PY) -m pip install --quiet --disable-pip-version-check -r requirements-dev.txt
	@$(PY) -m exports.documents.fonts
	@touch $@ $(RUNTIME)

# ---- running --------------------------------------------------------------------------------------------------------------------

prepare: export DEMO := $(DEMO)
prepare: export DEBUG := $(DEBUG)
prepare: $(RUNTIME)
	@$(PY) -m compileall -q $(filter-out tests benchmarks,$(HERE))
	@$(PY) -m config.prepare

# Server and worker start together and end together: Ctrl-C, or the end of either, stops both. The worker finishes the job at hand;
# one that takes longer than 20 seconds is broken off and continues at the next start.
run: export DEMO := $(DEMO)
run: export DEBUG := $(DEBUG)
run: prepare
	@trap 'trap - EXIT INT TERM; kill -TERM $$server $$worker 2>/dev/null; \
	       for i in {1..200}; do kill -0 $$server 2>/dev/null || kill -0 $$worker 2>/dev/null || break; sleep 0.1; done; \
	       kill -KILL $$server $$worker 2>/dev/null; wait' EXIT INT TERM; \
	$(PY) manage.py worker & worker=$$!; \
	$(VENV)/bin/gunicorn config.wsgi --bind 127.0.0.1:$(PORT) --workers $(WORKERS) --worker-class gthread --threads 4 \
	    --max-requests 1000 --max-requests-jitter 100 --graceful-timeout 15 --log-level warning & server=$$!; \
	echo "· 启航已启动：http://127.0.0.1:$(PORT) （按 Ctrl-C 停止）"; \
	wait -n $$server $$worker

# ---- quality --------------------------------------------------------------------------------------------------------------------

# worksteal: each process goes through whole modules, whose worlds are then made once, and who is done first takes from the other.
PYTEST := DEMO=0 DEBUG=0 $(VENV)/bin/pytest -n 2 --dist worksteal
ifeq ($(CHROMIUM),)
NO_BROWSER := and not browser
else
PYTEST := CHROMIUM=$(CHROMIUM) DJANGO_ALLOW_ASYNC_UNSAFE=1 $(PYTEST)
endif

define say_browser
	@if [ -z "$(CHROMIUM)" ]; then echo; echo "!!! 没有找到 Chromium：浏览器测试没有运行（apt install chromium fonts-noto-cjk）。"; echo; fi
endef

test: $(DEVELOPMENT)
	@$(PY) -m compileall -q $(HERE)
	$(say_browser)
	$(PYTEST) --randomly-seed=$(SEED) --max-suite-reruns 3 --rerun-show-tracebacks -m "not nightly $(NO_BROWSER)"
	$(say_browser)

test-all: $(DEVELOPMENT)
	@$(PY) -m compileall -q $(HERE)
	$(say_browser)
	$(PYTEST) --hypothesis-profile=new --fail-on-flaky --rerun-show-tracebacks $(if $(CHROMIUM),,-m "not browser")
	$(say_browser)

# The environment that a school's server has: what `check --deploy` looks at.
PRODUCTION := DEBUG=0 DEMO=0 HTTPS=1 ALLOWED_HOSTS=jiuye.example.edu.cn DATABASE_URL=sqlite://:memory: \
	SECRET_KEY=$$($(PY) -c 'import secrets; print(secrets.token_urlsafe(50))') TRUSTED_PROXIES=127.0.0.1
TEMPLATES := $(wildcard admin_site/templates self_service/templates)

# Where types pay: pure functions and services. The engine works on models it cannot know, which mypy cannot follow.
TYPED := models/audit models/jobs/services.py models/jobs/runner.py models/jobs/reaper.py models/jobs/files.py config/health.py \
         $(addprefix exports/importing/,preflight.py reading.py headers.py matching.py normalise.py values.py identity.py dates.py refusal.py xlsxscan.py ole.py) \
         $(addprefix workflows/,scoping.py levels.py errors.py rules.py chain.py signals.py)

check: $(DEVELOPMENT)
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/ruff check .
	$(VENV)/bin/lint-imports
	$(VENV)/bin/djlint $(TEMPLATES) --lint --quiet
	$(VENV)/bin/mypy $(TYPED)
	$(VENV)/bin/bandit --quiet -ll --configfile pyproject.toml --recursive $(filter-out tests benchmarks,$(HERE))
	DATABASE_URL=sqlite://:memory: $(PY) manage.py makemigrations --check --dry-run
	$(PRODUCTION) $(PY) manage.py check --deploy --fail-level WARNING

format: $(DEVELOPMENT)
	$(VENV)/bin/ruff format .
	$(VENV)/bin/ruff check --fix .
	$(VENV)/bin/djlint $(TEMPLATES) --reformat --quiet

bench: $(DEVELOPMENT)
	@$(PY) -m compileall -q $(HERE)
	$(PY) -m benchmarks --size $(SIZE)

clean:
	rm -rf .pytest_cache .ruff_cache .mypy_cache .import_linter_cache .hypothesis test-results
	find $(HERE) -name __pycache__ -type d -prune -exec rm -rf {} +
