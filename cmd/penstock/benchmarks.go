package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"path/filepath"

	"github.com/penstock-dev/penstock/bench/board"
	"github.com/penstock-dev/penstock/commerce"
	"github.com/penstock-dev/penstock/http"
)

// The choices of --benchmarks.
const (
	benchmarksAuto = "auto" // on where the server listens on loopback
	benchmarksOn   = "on"
	benchmarksOff  = "off"
)

// benchmarkCaller is who the benchmarks of this server act as.
const benchmarkCaller = "penstock-benchmark"

// historyFile is the results' place in the data folder.
const historyFile = "benchmarks.json"

// checkBenchmarks refuses a choice that is none.
func (c *serveCommand) checkBenchmarks() error {
	switch c.Benchmarks {
	case benchmarksAuto, benchmarksOn, benchmarksOff:
		return nil
	}
	return fmt.Errorf("--benchmarks must be auto, on or off, but is %q", c.Benchmarks)
}

// mayMeasure reports whether a server at an address lets its callers run benchmarks.
func (c *serveCommand) mayMeasure(address string) bool {
	if c.encrypted() {
		return false // it would measure itself without encryption
	}
	if c.Benchmarks == benchmarksAuto {
		return http.CheckListen(address, false) == nil // loopback
	}
	return c.Benchmarks == benchmarksOn
}

// openBenchmarks opens the board that measures this node, unless nobody may.
func (n *node) openBenchmarks() error {
	c := n.command
	if !c.mayMeasure(n.listener.Addr().String()) {
		return nil
	}
	credential := ""
	if n.proof {
		credential = n.access.ForProcess(commerce.Trusted(benchmarkCaller)).Reveal()
	}
	opened, err := board.Open(board.Config{
		Credential: credential,
		Address:    ownAddress(n.listener.Addr()), Engine: "penstock-" + c.Store, Store: c.Store, Version: readVersion().Version,
		File: filepath.Join(c.Data, historyFile), Logger: n.process.log,
	})
	if err != nil {
		return &exitError{code: exitIO, err: err, hint: "The file " + historyFile + " in the data directory must be readable and writable, or absent."}
	}
	n.board = opened
	return nil
}

// benchmarks is the board as http asks for it; nil when there is none.
func (n *node) benchmarks() http.Benchmarks {
	if n.board == nil {
		return nil
	}
	return measuring{n.board}
}

// ownAddress is where a process reaches its own listener: one on all addresses, by loopback.
func ownAddress(listening net.Addr) string {
	host, port, err := net.SplitHostPort(listening.String())
	if err != nil {
		return listening.String()
	}
	if ip := net.ParseIP(host); ip == nil || ip.IsUnspecified() {
		host = "127.0.0.1"
	}
	return net.JoinHostPort(host, port)
}

// measuring joins the board to http: the one knows nothing of the other.
type measuring struct{ board *board.Board }

// Start implements http.Benchmarks.
func (m measuring) Start(run http.BenchmarkRun) (commerce.ID, error) {
	scenario := run.Type
	if scenario == "product" {
		scenario = "product-read"
	}
	id, err := m.board.Start(board.Request{
		Scenario: scenario, Iterations: run.Iterations, Connections: run.Connections, Duration: run.Duration,
	})
	if errors.Is(err, board.ErrRunning) {
		err = http.ErrBenchmarkRunning
	}
	return id, err
}

// Cancel implements http.Benchmarks.
func (m measuring) Cancel() error {
	err := m.board.Cancel()
	if errors.Is(err, board.ErrIdle) {
		err = http.ErrNoBenchmark
	}
	return err
}

// Progress implements http.Benchmarks.
func (m measuring) Progress() ([]byte, error) {
	return encode(struct {
		Run *board.Progress `json:"run"`
	}{m.board.Progress()})
}

// Results implements http.Benchmarks.
func (m measuring) Results(limit int) ([]byte, error) {
	results, kept := m.board.Results(limit)
	return encode(struct {
		Results []board.Summary `json:"results"`
		Kept    int             `json:"kept"`
	}{results, kept})
}

// Result implements http.Benchmarks.
func (m measuring) Result(id commerce.ID) (document []byte, running bool, err error) {
	if m.board.Running(id) {
		document, err = m.Progress()
		return document, true, err
	}
	entry, err := m.board.Result(id)
	if err != nil {
		return nil, false, err
	}
	document, err = encode(entry)
	return document, false, err
}

// Import implements http.Benchmarks.
func (m measuring) Import(document []byte, label string) (commerce.ID, error) {
	return m.board.Import(document, label)
}

// Compare implements http.Benchmarks.
func (m measuring) Compare(baseline, current commerce.ID) ([]byte, error) {
	found, err := m.board.Compare(baseline, current)
	if err != nil {
		return nil, err
	}
	return encode(found)
}

func encode(v any) ([]byte, error) {
	text, err := json.Marshal(v)
	if err != nil {
		return nil, fmt.Errorf("encode benchmarks: %w", err)
	}
	return text, nil
}
