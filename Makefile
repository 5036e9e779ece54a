# A thin door to CMake and the set-up script: `make demo`, `make test`. CMake users need not touch it.
PRESET ?= dev
JOBS ?= $(shell nproc 2>/dev/null || echo 2)
MAKEFLAGS += --no-print-directory

all: build

setup:
	@bash deploy/setup.sh

build: setup
	cmake --preset $(PRESET)
	cmake --build --preset $(PRESET) -j $(JOBS)

release: setup
	cmake --preset release
	cmake --build --preset release -j $(JOBS)

test: build release
	@bash tests/run.sh release -L release
	@bash tests/run.sh $(PRESET)

demo: release
	@python3 deploy/demo/demo.py

bench: release
	@python3 tests/bench/bench.py
	@python3 tests/bench/speed.py
	@python3 tests/bench/backtest.py

# `make simulate SEEDS=100000`: the containment engine over a simulated account; tells a failing seed's story.
SEEDS ?= 2000
simulate: setup
	cmake -S . -B build/simulate -DCMAKE_BUILD_TYPE=Release
	cmake --build build/simulate --target simulate -j $(JOBS)
	@build/simulate/tests/simulate/simulate --seeds $(SEEDS) 2>/dev/null

format:
	clang-format -i $$(git ls-files '*.c' '*.h')

clean:
	rm -rf build

help:
	@echo "make demo      install what is missing, build, contain a leaked key in a local stand-in account"
	@echo "make test      build with ASan and UBSan and run every test (PRESET=clang for that compiler);"
	@echo "               what sanitizers would spoil (memory, speed) runs on the release build"
	@echo "make release   the optimised executable: build/release/firebreak"
	@echo "make bench     start, round trip, memory and replay speed beside a do-nothing bootstrap; replay"
	@echo "               beside zcat, libdeflate and jq, and the share of each room;"
	@echo "               backtest of 1,000,000 events: events/s and memory with one and all workers"
	@echo "make simulate  the containment engine over SEEDS simulated stories (faults, crashes, a live thief)"
	@echo "make format    clang-format over every C file"

.PHONY: all setup build release test demo bench simulate format clean help
