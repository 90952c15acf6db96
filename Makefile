# One entry point for each habit. Everything is set up by what needs it: a virtual
# environment in .venv, and (on Debian and Ubuntu, if allowed) a few system packages.
PYTHON ?= python3
VENV ?= .venv
JOBS ?= $(shell nproc 2>/dev/null || echo 2)
BIN = $(CURDIR)/$(VENV)/bin
export CMAKE_BUILD_PARALLEL_LEVEL = $(JOBS)

.PHONY: help demo test test-cpp test-python lint format docs accuracy check-builds \
	check-wheel bench bench-cpp count-instructions clean

help:
	@echo "make demo       install into $(VENV), train on handwritten digits, draw"
	@echo "make test       the C++ and the Python tests"
	@echo "make lint       formatting, style and types of C++ and Python"
	@echo "make format     put C++ and Python into the project's format"
	@echo "make docs       the documentation, into build/docs"
	@echo "make accuracy   all 2^32 inputs of each elementary function (long)"
	@echo "make check-builds  the same bits from GCC and Clang, -O2 and -O3, and for Arm"
	@echo "make check-wheel   the release, built and tried where there is no compiler"
	@echo "make bench      beside PyTorch, JAX, ONNX Runtime, scikit-learn and NumPy"
	@echo "make bench-cpp  kernels against the processor's peak"
	@echo "make count-instructions  of a few small cases, against those on file"

$(BIN)/python:
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade pip

# As a user installs it: a wheel built in isolation, or PACKAGE, one that is there.
PACKAGE ?= .
demo: $(BIN)/python
	$(BIN)/python -m pip install --quiet '$(PACKAGE)[demo]'
	$(BIN)/python -m mlpcore demo

# The rivals are large; BENCH_ARGS=--quick takes a minute or two.
bench: $(BIN)/python
	$(BIN)/python -m pip install --quiet '.[bench]'
	$(BIN)/python -m mlpcore.bench $(BENCH_ARGS)

# As a developer has it: editable, the build kept from time to time. The C++ tests are
# added to the same tree, so that the core is compiled once.
SOURCES = $(shell find cpp python -name '*.cpp' -o -name '*.h' -o -name '*.py' \
	-o -name 'CMakeLists.txt') CMakeLists.txt pyproject.toml
INSTALL_EDITABLE = $(BIN)/python -m pip install --quiet --no-build-isolation \
	-Cbuild-dir=build/release -Ccmake.define.MLPCORE_WERROR=ON --editable
$(VENV)/.developer: $(BIN)/python $(SOURCES)
	$(BIN)/python -m pip install --quiet cmake ninja numpy pybind11 scikit-build-core
	$(INSTALL_EDITABLE) '.[test,lint]'
	touch $@

test: test-cpp test-python

test-python: $(VENV)/.developer
	$(BIN)/python -m pytest --doctest-modules tests python/mlpcore

build/release/CTestTestfile.cmake: $(VENV)/.developer
	tools/install-system-packages
	PATH=$(BIN):$$PATH cmake --preset release -G Ninja
	touch $@

test-cpp: build/release/CTestTestfile.cmake
	PATH=$(BIN):$$PATH cmake --build --preset release
	PATH=$(BIN):$$PATH ctest --preset release

accuracy: build/release/CTestTestfile.cmake
	PATH=$(BIN):$$PATH cmake --build --preset release --target accuracy
	build/release/tests/cpp/accuracy

check-builds: $(VENV)/.developer
	tools/install-system-packages clang g++ g++-aarch64-linux-gnu libomp-dev qemu-user
	PATH=$(BIN):$$PATH tools/check-builds

check-wheel: $(BIN)/python
	$(BIN)/python -m pip install --quiet --group release
	$(BIN)/python tools/check_wheel.py

bench-cpp: build/release/CTestTestfile.cmake
	PATH=$(BIN):$$PATH cmake --build --preset release --target mlpcore_bench
	build/release/bench/cpp/mlpcore_bench $(BENCH_ARGS)

count-instructions: build/release/CTestTestfile.cmake
	tools/install-system-packages valgrind
	PATH=$(BIN):$$PATH cmake --build --preset release --target instruction_cases
	$(BIN)/python tools/count_instructions.py build/release/bench/cpp/instruction_cases \
		$(COUNT_ARGS)

CPP_FILES = $(shell git ls-files '*.h' '*.cpp' ':!python')
lint: $(VENV)/.developer
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/clang-format --dry-run --Werror $(CPP_FILES)
	$(BIN)/mypy
	$(BIN)/python -m mypy.stubtest mlpcore._core --allowlist tools/stubtest-allowlist

format: $(VENV)/.developer
	$(BIN)/ruff check --fix --quiet .
	$(BIN)/ruff format .
	$(BIN)/clang-format -i $(CPP_FILES)

# A stamp of its own: most who test do not build the documentation.
$(VENV)/.docs: $(VENV)/.developer
	$(INSTALL_EDITABLE) '.[test,lint,docs]'
	touch $@

docs: $(VENV)/.docs
	$(BIN)/python -m pytest --quiet --doctest-modules docs/_extensions
	rm -rf docs/reference/generated
	$(BIN)/python -m sphinx --fresh-env --fail-on-warning --keep-going --quiet \
		--doctree-dir build/doctrees docs build/docs
	@echo "open build/docs/index.html"

clean:
	rm -rf build demo docs/gallery docs/reference/generated $(VENV)
