# Perch: everything that is done with the source more than once. `make` lists the targets.

SHELL       := bash
.SHELLFLAGS := -euo pipefail -c

# Where `make run` and `make build` differ from their defaults: make run ARGS="--addr 127.0.0.1:9000"
ARGS ?=

# make test RACE=1 looks for data races too, which takes several times as long.
RACE      ?=
TESTFLAGS ?=
TIMEOUT   ?= 20m
PACKAGES  ?= ./...

# How long each fuzz target runs.
FUZZTIME ?= 10s

# Tools have a module file of their own, so that their dependencies are not the program's.
TOOL := go tool -modfile=.ci/tools.mod

# Go files are formatted wherever they are; what a browser or Node brings along is not ours.
GOFILES = find . -name '*.go' -not -path './.git/*' -not -path '*/node_modules/*'

.DEFAULT_GOAL := help
.PHONY: help dev run build test cover verify fmt fmt-check vet lint generate generate-check mod-check arch bench fuzz clean

help: ## Show the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{ printf "  make %-15s %s\n", $$1, $$2 }'

dev: ## Start Perch for development (ARGS="--addr 127.0.0.1:9000")
	go run ./cmd/perch dev $(ARGS)

run: dev

build: ## Build bin/perch
	go build -trimpath -o bin/perch ./cmd/perch

test: ## Run all tests; RACE=1 with the race detector, PACKAGES=./provider/... some of them
	@go test -count=1 -v -run '^TestThisMachine$$' ./internal/testneed | sed -n 's/^ *machine_test.go:[0-9]*: //p'
	go test $(if $(RACE),-race) -p 2 -timeout $(TIMEOUT) $(TESTFLAGS) $(PACKAGES)

cover: ## Run all tests and show what they do not reach
	@$(MAKE) test TESTFLAGS='-coverprofile=coverage.out -coverpkg=./...'
	go tool cover -func=coverage.out | tail -1

verify: fmt-check vet lint generate-check mod-check arch ## Check format, vet, lint, generated code, go.mod, import rules

fmt: ## Format the Go files
	@$(GOFILES) -print0 | xargs -0 gofmt -s -w

fmt-check:
	@echo "gofmt"
	@bad="$$($(GOFILES) -print0 | xargs -0 gofmt -s -l)"; \
	if [ -n "$$bad" ]; then printf 'not formatted; run make fmt:\n%s\n' "$$bad" >&2; exit 1; fi

vet:
	go vet ./...

lint: ## Run staticcheck
	$(TOOL) staticcheck ./...

generate: ## Write the generated files (zz_gen_*) anew
	go generate ./...

# Compares the files with themselves before and after, not with the last commit, so that it
# also answers in the middle of a change.
generate-check:
	@echo "go generate"
	@sums() { find . -name 'zz_gen_*' -not -path './.git/*' -not -path '*/node_modules/*' -print0 | sort -z | xargs -0 -r sha256sum; }; \
	before="$$(sums)"; go generate ./...; after="$$(sums)"; \
	if [ "$$before" != "$$after" ]; then echo 'generated files were stale; they are fresh now: commit them' >&2; exit 1; fi

# The go command itself says which modules are imported directly; it works from a copy.
mod-check:
	@echo "go.mod"
	@copy="$$(mktemp -d)"; trap 'rm -rf "$$copy"' EXIT; cp go.mod go.sum "$$copy"; \
	go vet -mod=mod -modfile="$$copy/go.mod" ./...; \
	if ! diff -u go.mod "$$copy/go.mod" || ! diff -u go.sum "$$copy/go.sum"; then \
		echo 'go.mod or go.sum does not fit the imports; run: go vet -mod=mod ./...' >&2; exit 1; fi

arch:
	go test -count=1 ./internal/archtest

bench: ## Measure reads and the first sync against the bare machine
	go run ./internal/bench $(ARGS)

fuzz: ## Run every fuzz target for FUZZTIME (10s)
	@go test -list '^Fuzz' ./... | awk '/^Fuzz/ { list = list " " $$1; next } $$1 == "ok" { if (list) print $$2 list; list = "" }' | \
	while read -r package targets; do for target in $$targets; do \
		echo "$$package $$target"; go test -run '^$$' -fuzz "^$$target\$$" -fuzztime $(FUZZTIME) "$$package" </dev/null; \
	done; done

clean: ## Remove what was built (not the data)
	rm -rf bin coverage.out
