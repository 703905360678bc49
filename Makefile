# Thin on purpose: a target is one script or one cmake call. `make demo` and `make test` are the two to know.
SHELL := /bin/bash
BUILD ?= build
JOBS ?= $(shell nproc)
prefix ?= /usr

.PHONY: all deps build test test-differential demo bench endurance fuzz deb formal format install clean

all: build

deps:
	@test/deps.sh

build: deps
	@test/configure.sh $(BUILD)
	@cmake --build $(BUILD) -j $(JOBS) --target programs

test: deps
	@test/run.sh $(BUILD) $(JOBS)

demo: build
	@python3 test/demo/demo.py $(BUILD)

demo-cmc: build
	@python3 test/demo/cmc.py $(BUILD)

bench: deps
	@test/configure.sh $(BUILD) -DATTEST_BENCH=ON
	@cmake --build $(BUILD) -j $(JOBS) --target bench

# Many handshakes in one run: nothing may grow. A million take some hours.
HANDSHAKES ?= 1000000
endurance: deps
	@test/configure.sh $(BUILD) -DATTEST_BENCH=ON
	@cmake --build $(BUILD) -j $(JOBS) --target programs handshake_bench
	@python3 test/bench/endurance.py $(BUILD) $(HANDSHAKES)

# Every fuzz target with libFuzzer for SECONDS seconds, or those of ONLY="name name".
SECONDS ?= 60
fuzz: deps
	@test/fuzz/run.sh $(BUILD)/fuzz $(JOBS) $(SECONDS) $(ONLY)

# attestctl beside Go packages and crates that do the same. Outside `make test`: it needs Go, cargo and what they fetch.
test-differential: build
	@python3 test/differential/run.py $(BUILD)

format:
	@git ls-files -- '*.cc' '*.h' '*.c' | xargs clang-format-14 -i

# With prefix=/usr the module lands where libcrypto looks for it (`openssl version -m`).
install: build
	@DESTDIR=$(DESTDIR) cmake --install $(BUILD) --prefix $(prefix)

# build/attest-provider_VERSION_ARCH.deb, and attest-cmc-fronts where gRPC and CoAP are there
deb: build
	@cd $(BUILD) && cpack -G DEB && { [ ! -f CPackFronts.cmake ] || cpack -G DEB --config CPackFronts.cmake; }

# The models of test/formal, with Verifpal from crates.io. Outside `make test`: it needs cargo and some minutes.
formal: $(BUILD)/formal/bin/verifpal
	@python3 test/formal/run.py $(BUILD)/formal/bin/verifpal

$(BUILD)/formal/bin/verifpal:
	@cargo install verifpal --version 1.6.7 --ignore-rust-version --locked --quiet --root $(BUILD)/formal

clean:
	@rm -rf $(BUILD)
