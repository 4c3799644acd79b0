# Everything a user or developer does with the project. `make help` lists it.
SHELL := /bin/bash
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.NOTPARALLEL:

PREFIX ?= /usr/local
DESTDIR ?=
SOURCES := Sources Tests bindings/swift Package.swift
HAS_TARGET = grep -q '"$(1)"' Package.swift
# Flags of every debug build, scripts included: two sets of flags in one run would build everything twice. Checking asks
# for no warning in our own sources; SwiftPM leaves the packages they use out of it.
export SWIFT_FLAGS ?=
check strict-build: export SWIFT_FLAGS = -Xswiftc -warnings-as-errors

.PHONY: help demo run test check lib install wheel bench bench-check instructions autobahn thirdparty sanitize format \
    clean abi-record docs docs-check docs-swift setup setup-test format-check strict-build swift-tests c-tests \
    python-tests header-check library-check install-check readme-check

help: ## list the commands
	@sed -nE 's/^([a-z-]+):.*## (.*)/  make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 24

demo: setup lib ## build everything, then watch a C program lose its connection and resume
	@scripts/demo

run: setup lib ## the same program; with DISCORD_TOKEN set it talks to Discord itself
	@scripts/demo --run

test: setup-test swift-tests c-tests python-tests thirdparty ## set up what the tests need and run all of them

check: setup-test format-check strict-build swift-tests header-check library-check c-tests python-tests install-check \
    docs-check thirdparty autobahn readme-check bench-check ## all that has to hold before a change goes in

lib: setup ## the self-contained shared library, in build/lib
	@scripts/build-library

install: lib ## library, headers, pkg-config file and CMake package: PREFIX=/usr/local DESTDIR=
	@PREFIX='$(PREFIX)' DESTDIR='$(DESTDIR)' scripts/install

wheel: lib ## the Python package with the library inside, in build/wheel
	@python3 bindings/python/build_backend.py build/wheel

bench: lib ## every figure against the least work possible, in 15 minutes; BENCH=--quick in 2
	@scripts/setup bench
	python3 Benchmarks/run.py $(BENCH)

bench-check: lib ## for CI: instructions per event as recorded, no allocation; CHECK=--record records
	@scripts/setup bench-check
	python3 Benchmarks/check.py $(CHECK)

instructions: lib ## instructions per event, with callgrind; BENCH=--functions tells where
	@scripts/setup bench-check
	python3 Benchmarks/run.py --only instructions $(BENCH)

docs-swift: setup ## the documentation of the Swift module, in build/docs/swift
	@scripts/docs-swift

autobahn: setup-test ## the WebSocket client, judged by the Autobahn test suite
	@if $(call HAS_TARGET,autobahn-client); then Tests/Autobahn/run; else echo "no autobahn-client yet"; fi

thirdparty: setup-test ## a third-party client, discord.py, against the sandbox gateway
	@if $(call HAS_TARGET,gateway-sandbox); then Tests/ThirdParty/run; else echo "no gateway-sandbox yet"; fi

sanitize: setup-test ## the Swift tests under the thread and the address sanitizer
	swift test --sanitize=thread --scratch-path .build-thread
	LSAN_OPTIONS=suppressions=$(CURDIR)/Tests/leaks.supp:print_suppressions=0 \
	    swift test --sanitize=address --scratch-path .build-address

format: ## put the Swift sources into the project's format
	swift format -i -r $(SOURCES)

abi-record: lib ## write down the binary interface of a new version (ABI=--unreleased: of a version nobody has yet)
	@Tests/C/abi record $(ABI) build/lib

docs: ## the reference of the C, C++ and Swift API as HTML, in build/docs
	@scripts/setup docs
	@if grep -q '^docs-swift:' Makefile; then $(MAKE) --no-print-directory docs-swift; fi
	@scripts/docs

clean: ## remove everything that was built
	rm -rf build .build .build-*

setup:
	@scripts/setup build

setup-test:
	@scripts/setup build test

format-check:
	swift format lint --strict -r $(SOURCES)

strict-build: setup-test
	swift build --build-tests $$SWIFT_FLAGS

swift-tests: setup-test
	swift test $$SWIFT_FLAGS

c-tests: setup-test lib
	@Tests/C/run build/lib
	@Tests/C/programs build/lib
	@Tests/C/mistakes build/lib
	@Tests/C/abi check build/lib

python-tests: setup-test lib
	@Tests/Python/run

header-check: setup-test lib
	@python3 scripts/header-check.py --library build/lib/libswiftgateway.so

library-check: setup-test lib
	@scripts/check-library build/lib

install-check: setup-test lib
	@scripts/check-install

docs-check:
	@scripts/setup docs
	@scripts/docs

readme-check: setup-test lib
	@python3 scripts/readme-check.py
