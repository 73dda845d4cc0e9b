VENV := .venv
PY := $(VENV)/bin/python

build:
	$(PY) setup.py -q build_ext --inplace
