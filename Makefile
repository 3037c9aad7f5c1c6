# Two commands: `make demo` runs the main job, `make test` the tests. Each sets the machine up first.
PYTHON ?= python3
VENV := .venv
RUN := $(VENV)/bin/python
INSTALLED := $(VENV)/.installed

.PHONY: demo test lint proofs docs clean

# The models are small: threads of one process would wait for each other, and for those of its neighbours.
export OMP_NUM_THREADS := 1

$(INSTALLED): pyproject.toml constraints.txt
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed, this is " + sys.version)'
	$(PYTHON) -m venv $(VENV)
	@echo "Installing into $(VENV), about a minute ..."
	$(RUN) -m pip install --quiet -c constraints.txt -e '.[all,test,docs]'
	@echo "Installing into $(VENV), about a minute ..."
	$(RUN) -m pip install --quiet -c constraints.txt -e '.[gym]' || echo "without Reasoning Gym, which needs a C compiler"
	touch $@

demo: $(INSTALLED)
	$(RUN) -m toysims.sharpening --k 50 --output-dir runs/demo-toysims --overwrite
	$(RUN) -m llm.train --regime tilted --beta 0.5 --output-dir runs/demo-llm --overwrite
	@echo
	@echo "The two figures: runs/demo-toysims/plane.png and runs/demo-llm/training.png"
	@echo "For the other commands: source $(VENV)/bin/activate"

test: lint
	$(RUN) -m pytest -n 2 --dist loadfile

lint: $(INSTALLED)
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/mypy

# Proofs checked by Coq 8.16. It and its real analysis are Debian packages (as root; elsewhere install them by hand).
proofs:
	[ -d "$$(coqc -where 2>/dev/null)/user-contrib/Coquelicot" ] || { apt-get update && apt-get install --yes --no-install-recommends coq libcoq-coquelicot; }
	$(PYTHON) proofs/check.py

# The documents, and a reference from the docstrings, as a site of plain files: runs/site/index.html. Needs no network.
docs: $(INSTALLED)
	NO_MKDOCS_2_WARNING=1 $(RUN) -m mkdocs build --quiet
	@echo "runs/site/index.html is made. With its search: $(RUN) -m http.server --directory runs/site"

clean:
	rm -rf $(VENV) runs
