# Penstock's commands. `make` alone lists them. Go, git and make are all they need.

DATA      := $(or $(PENSTOCK_DATA),data)
LISTEN    := $(or $(PENSTOCK_LISTEN),127.0.0.1:8000)
FUZZTIME  ?= 20s
# Packages whose tests run again under the race detector: those with goroutines of their own.
RACE      := ./actors/... ./http/... ./persistence/... ./internal/client/... ./internal/fanout/... ./cmd/...
TOOL      := go tool -modfile=tools/go.mod
# Files of real orders, when somebody has put them beside the checkout.
REAL      := ../shared/data

.DEFAULT_GOAL := help
.PHONY: help run build test race lint fmt fuzz crash crashbig flash history bench real docs clean

help: ## list these commands
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):.*## /  make \1\t/' | expand -t 16

run: build ## build, and serve on 127.0.0.1:8000 with a demo catalogue; data in ./data or $PENSTOCK_DATA
	./bin/penstock serve --listen $(LISTEN) --data $(DATA) --demo

build: ## build bin/penstock
	go build -o bin/penstock ./cmd/penstock

test: ## run all tests, and those of the concurrent packages again under the race detector
	go run ./internal/testreport -timeout 10m ./...
	@$(MAKE) --no-print-directory race

race: ## run the tests of the concurrent packages under the race detector (needs a C compiler)
	@if command -v "$$(go env CC)" >/dev/null; then \
	  echo "race detector: $(RACE)"; \
	  CGO_ENABLED=1 go run ./internal/testreport -race -timeout 15m $(RACE); \
	else \
	  echo "RACE DETECTOR NOT RUN: it needs a C compiler, and there is no $$(go env CC) here."; \
	fi

lint: ## check style, imports, formatting and go.mod
	go mod tidy -diff
	go vet -tags planted ./...
	$(TOOL) golangci-lint run ./...

fmt: ## format all Go files
	$(TOOL) golangci-lint fmt ./...

fuzz: ## run every fuzz target for FUZZTIME (20s) each
	@set -e; for package in $$(go list ./...); do \
	  for target in $$(go test -list '^Fuzz' $$package | grep '^Fuzz' || true); do \
	    echo "$$package $$target"; \
	    go test -run '^$$' -fuzz "^$$target\$$" -fuzztime $(FUZZTIME) $$package; \
	  done; \
	done

crash: ## kill the server 100 times under load, 1,000 orders apart, and look for what it lost
	go test ./internal/torture -run 'TestCrash$$' -count=1 -timeout 60m -v -args -torture.kills=100 -torture.orders=1000

crashbig: ## the same with 1,000,000 orders stored: 10 kills, ready again within 2 s
	go test ./internal/torture -run 'TestCrash$$' -count=1 -timeout 60m -v -args -torture.kills=10 -torture.orders=10000 -torture.stored=1000000

flash: ## 20,000 orders for 1,000 units over 2,000 connections; of one product, and of two
	go test ./internal/torture -run 'TestFlashSale$$' -count=1 -timeout 20m -v -args -torture.buyers=2000

history: ## check long histories of a hot product, with and without faults
	go test ./internal/torture -run 'TestHistor' -count=1 -timeout 20m -v -args -torture.history=300000

bench: build ## measure the cost of an order beside an echo of the same bytes
	./bin/penstock bench order order-hot

real: build ## import and replay real orders from ../shared/data twice, and verify
	@bash .ci/real bin/penstock $(REAL)

docs: build ## write docs/configuration.md anew
	./bin/penstock config > docs/configuration.md

clean: ## remove what was built (not ./data)
	rm -rf bin
