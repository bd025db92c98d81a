# Penstock's commands. `make` alone lists them. Go, git and make are all they need.

DATA      := $(or $(PENSTOCK_DATA),data)
LISTEN    := $(or $(PENSTOCK_LISTEN),127.0.0.1:8000)
FUZZTIME  ?= 20s
SCANMINUTES ?= 15
SCANLEVEL ?= 3
VULNDB    ?= https://vuln.go.dev
# Packages whose tests run again under the race detector: those with goroutines of their own.
RACE      := ./access/... ./actors/... ./bench/board/... ./http/... ./persistence/... ./internal/client/... ./internal/fanout/... ./cmd/...
TOOL      := go tool -modfile=tools/go.mod
# The harness that breaks servers, and what stands between its tests and their sizes.
TORTURE   := go test ./internal/torture -count=1 -timeout 90m -v
ARGS      := -args
# Files of real orders, when somebody has put them beside the checkout.
REAL      := ../shared/data

.DEFAULT_GOAL := help
.NOTPARALLEL: # run and test build the pages first
.PHONY: help run build web test race vuln release lint fmt fuzz fuzzlong fuzzapi scan crash crashbig crashpg flash fanout slow restarts shopyear timing history bench benchall real docs clean

help: ## list these commands
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):.*## /  make \1\t/' | expand -t 16

run: web build ## build, and serve on 127.0.0.1:8000 with a demo catalogue; data in ./data or $PENSTOCK_DATA
	./bin/penstock serve --listen $(LISTEN) --data $(DATA) --demo

build: ## build bin/penstock
	go build -o bin/penstock ./cmd/penstock

web: ## build the pages for browsers and run their tests, where Node 20 or newer is there
	@bash web/build

test: web ## run all tests, and those of the concurrent packages again under the race detector
	go run ./internal/testreport -timeout 10m ./...
	@$(MAKE) --no-print-directory race

race: ## run the tests of the concurrent packages under the race detector (needs a C compiler)
	@if command -v "$$(go env CC)" >/dev/null; then \
	  echo "race detector: $(RACE)"; \
	  CGO_ENABLED=1 go run ./internal/testreport -race -timeout 15m $(RACE); \
	else \
	  echo "RACE DETECTOR NOT RUN: it needs a C compiler, and there is no $$(go env CC) here."; \
	fi

vuln: ## look for known vulnerabilities in what the program calls; the database is VULNDB (https://vuln.go.dev)
	go build -modfile=tools/go.mod -o bin/govulncheck golang.org/x/vuln/cmd/govulncheck
	./bin/govulncheck -db $(VULNDB) ./cmd/...

release: web vuln ## build dist/: binaries twice and alike, their checksums, and an SBOM
	rm -rf dist && mkdir dist
	@set -e; for target in linux/amd64 linux/arm64 darwin/amd64 darwin/arm64; do \
	  out="dist/penstock_$${target%/*}_$${target#*/}"; echo "$$out"; \
	  CGO_ENABLED=0 GOOS=$${target%/*} GOARCH=$${target#*/} go build -trimpath -o "$$out" ./cmd/penstock; \
	done
	@set -e; native="dist/penstock_$$(go env GOOS)_$$(go env GOARCH)"; \
	  copy="$$(mktemp -d)"; git archive HEAD | tar x -C "$$copy"; cp -r web/static "$$copy/web/"; \
	  (cd "$$copy" && CGO_ENABLED=0 go build -buildvcs=false -trimpath -o again ./cmd/penstock); \
	  CGO_ENABLED=0 go build -buildvcs=false -trimpath -o "$$copy/once" ./cmd/penstock; \
	  cmp "$$copy/once" "$$copy/again" && echo "two builds in two places are alike"; rm -rf "$$copy"; \
	  "$$native" version --sbom > dist/penstock.cdx.json
	cd dist && sha256sum penstock* > SHA256SUMS && cat SHA256SUMS

lint: ## check style, imports, formatting and go.mod
	go mod tidy -diff
	go vet -tags planted ./...
	$(TOOL) golangci-lint run ./...

fmt: ## format all Go files
	$(TOOL) golangci-lint fmt ./...

fuzz: ## run every fuzz target for FUZZTIME (20s) each
	@bash .ci/fuzz $(FUZZTIME)

fuzzlong: ## run all fuzz targets for 10,000,000 executions together
	@nice bash .ci/fuzz 10000000x

fuzzapi: ## ask a server 200,000 requests made from its API document, and 40,000 on PostgreSQL, and check every answer
	go test ./internal/apifuzz -count=1 -timeout 60m -v -run 'TestServerKeepsToItsDocument$$' $(ARGS) -apifuzz.requests=200000

scan: ## set sqlmap and wapiti on a server, on both stores, for up to SCANMINUTES (15) each; installs them as root
	go run ./internal/scan -minutes $(SCANMINUTES) -level $(SCANLEVEL)
	go run ./internal/withpg -- go run ./internal/scan -store postgres -minutes $(SCANMINUTES) -level $(SCANLEVEL)

crash: ## kill the server 100 times under load, 1,000 orders apart, and look for what it lost
	$(TORTURE) -run 'TestCrash$$/^pebble$$' $(ARGS) -torture.kills=100 -torture.orders=1000

crashbig: ## the same with 1,000,000 orders stored: 10 kills, ready again within 2 s
	$(TORTURE) -run 'TestCrash$$/^pebble$$' $(ARGS) -torture.kills=10 -torture.orders=10000 -torture.stored=1000000

crashpg: ## on PostgreSQL: kill server, backends and postmaster, cut commits, fill the disk, take over
	$(TORTURE) -run 'TestCrash$$/^postgres$$' $(ARGS) -torture.kills=50 -torture.orders=1000
	$(TORTURE) -run 'TestDatabaseFailsBelowTheServer$$' -parallel 1 $(ARGS) -torture.backends=30 -torture.postmasters=20 -torture.cuts=200 -torture.silences=10 -torture.disks=10
	$(TORTURE) -run 'TestTakeover$$' -parallel 1 $(ARGS) -torture.takeovers=20

flash: ## 20,000 orders for 1,000 units over 2,000 connections; of one product, and of two; on both stores
	$(TORTURE) -run 'TestFlashSale$$' $(ARGS) -torture.buyers=2000

fanout: ## 30,000 subscribers, a tenth of them hostile, on both stores; needs ulimit -n 40000
	go test ./internal/audience -count=1 -timeout 60m -v -parallel 1 -run 'TestFanOut$$' $(ARGS) -audience.subscribers=30000 -audience.orders=10000 -audience.ping=50s

slow: ## 1,000 clients that are slow on purpose, in each of the four modes of slowhttptest, and what others notice
	go test ./internal/slowclients -count=1 -timeout 30m -v $(ARGS) -slow.connections=1000 -slow.time=15s -slow.rounds=3

restarts: ## kill the server 20 times while 1,000 subscribers follow orders, on both stores
	go test ./internal/audience -count=1 -timeout 60m -v -parallel 1 -run 'TestRestarts$$' $(ARGS) -audience.resumers=1000 -audience.kills=20

shopyear: ## 1,000,000 orders of a year, 100,000 products: memory of exports, time of searches and sums, on both stores
	go test ./internal/shopyear -count=1 -timeout 90m -v $(ARGS) -shopyear.orders=1000000 -shopyear.products=100000 -shopyear.requests=2000 -shopyear.goals

timing: ## compare 10,000 answers each to orders of others and to orders that do not exist
	go test ./internal/gatekeeper -count=1 -timeout 30m -v -run 'TestTiming$$' $(ARGS) -gatekeeper.samples=10000

history: ## check long histories of a hot product, with and without faults, on both stores
	$(TORTURE) -run 'TestHistor' $(ARGS) -torture.history=300000

bench: build ## measure the cost of an order beside an echo of the same bytes
	./bin/penstock bench order order-hot

benchall: build ## measure orders, reads and a mixed day on both stores, beside peers on PostgreSQL, with 1,000,000 orders
	./bin/penstock bench order order-hot product-read product-list mixed --stores pebble --stores postgres \
	  --peers echo --peers rowlock --peers statement --orders 1000000

real: build ## import and replay real orders from ../shared/data on both stores, verify, and compare
	@bash .ci/real bin/penstock $(REAL)

docs: build ## write docs/configuration.md anew
	./bin/penstock config > docs/configuration.md

clean: ## remove what was built (not ./data)
	rm -rf bin web/static/app
