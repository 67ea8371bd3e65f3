# Every target that people or CI use; no logic lives in CI that is not here.
.DEFAULT_GOAL := help
GO      ?= go
PKG     := ./...
# Those that run Wine go one after the other, and alone: Wine bears little beside it.
WINE    := ./test/wine/... ./test/scenario/...
RACE    := ./reconcile/... ./keeper/... ./logs/... ./probe/... ./manifest/folder/... ./driver/... ./statedb/... ./metrics/... ./web/... ./tracing/... ./control/... ./doctor/...
VERSION ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo dev)
LDFLAGS := -s -w -X main.version=$(VERSION)
LINT    := bin/golangci-lint

help: ## Show the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

build: ## Build the program for this machine into bin/
	$(GO) build -ldflags '$(LDFLAGS)' -o bin/ ./cmd/hcs-reconcile

demo: build ## Run the daemon on examples/quickstart for a few seconds, and show it
	bash scripts/demo.sh bin/hcs-reconcile

test: vet cross ## Run all tests (what CI runs)
	$(GO) test $$($(GO) list $(PKG) | grep -v -e /test/wine -e /test/scenario)
	$(GO) test -p 1 -timeout 30m $(WINE)
	$(GO) test -race -short $(RACE)

check: fmt-check test lint ## Everything that must be green before a change lands

vet: ## Vet for this system
	$(GO) vet $(PKG)

cross: ## Build and vet for every system that is supported
	GOOS=windows GOARCH=amd64 $(GO) vet $(PKG)
	GOOS=windows GOARCH=amd64 $(GO) build -o /dev/null ./cmd/hcs-reconcile
	GOOS=windows GOARCH=arm64 $(GO) vet $(PKG)
	GOOS=windows GOARCH=arm64 $(GO) build -o /dev/null ./cmd/hcs-reconcile
	GOOS=darwin GOARCH=arm64 $(GO) vet $(PKG)
	GOOS=darwin GOARCH=arm64 $(GO) build -o /dev/null ./cmd/hcs-reconcile

wine: ## Install what the tests of the Windows binary need (Debian: Wine, mingw)
	sh test/wine/setup.sh

deps: wine ## Install every program that tests run against (Debian: Wine, Prometheus, Chromium, git, rsync)
	sh test/setup.sh

race: ## All tests with the race detector
	$(GO) test -race $(PKG)

sim: ## Deterministic simulation: SIM_SEEDS=n for more, SIM_SEED=n to replay one
	$(GO) test -count=1 ./test/sim

mutants: ## Plant bugs one by one and count how many the tests catch (slow)
	$(GO) run ./test/mutants

fuzz: ## Fuzz every parser for FUZZTIME each (default 20s)
	@for target in $$(grep -rlE '^func Fuzz' --include=*_test.go . ); do \
	  for f in $$(sed -nE 's/^func (Fuzz[A-Za-z0-9]+)\(.*/\1/p' $$target); do \
	    echo "== $$f ($$target)"; $(GO) test -run '^$$' -fuzz "^$$f$$" -fuzztime $${FUZZTIME:-20s} ./$$(dirname $$target) || exit 1; \
	  done; \
	done

bench: ## Benchmarks, each beside its floor in the same run
	$(GO) test -run '^$$' -bench . -benchtime $${BENCHTIME:-1s} $(PKG) | grep -E '^(Benchmark|pkg|ok|FAIL|---)' | grep -v 'no test files'
	$(GO) run ./test/bench

lint: $(LINT) ## golangci-lint with the laws of .golangci.yml
	$(LINT) run
	GOOS=windows $(LINT) run

$(LINT): tools/go.mod tools/go.sum
	$(GO) build -modfile=tools/go.mod -o $@ github.com/golangci/golangci-lint/v2/cmd/golangci-lint

fmt: $(LINT) ## Format everything
	$(LINT) fmt

fmt-check:
	@test -z "$$(gofmt -l .)" || { gofmt -l .; echo "run: make fmt"; exit 1; }

docs: ## Regenerate the parts of docs/ that are made from the code
	$(GO) test ./manifest ./metrics ./reconcile -run 'Docs|Reference' -update

cover: ## Test coverage by package
	$(GO) test -coverprofile=bin/cover.out $(PKG) && $(GO) tool cover -func=bin/cover.out | tail -1

tidy: ## Tidy go.mod
	$(GO) mod tidy && cd tools && $(GO) mod tidy

clean: ## Remove what was built
	rm -rf bin

.PHONY: help wine deps build demo test check vet cross race sim mutants fuzz bench lint fmt fmt-check docs cover tidy clean
