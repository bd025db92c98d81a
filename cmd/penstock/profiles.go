package main

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/pprof"
	"time"
)

// profiles serves Go's profiles, apart from the API.
type profiles struct {
	server *http.Server
	served chan error
}

// serveProfiles begins to serve profiles. REQUIRES: address is loopback.
func serveProfiles(address string) (*profiles, error) {
	listener, err := listen(address)
	if err != nil {
		return nil, fmt.Errorf("--pprof: %w", err)
	}
	mux := http.NewServeMux()
	mux.HandleFunc("/debug/pprof/", pprof.Index)
	mux.HandleFunc("/debug/pprof/cmdline", pprof.Cmdline)
	mux.HandleFunc("/debug/pprof/profile", pprof.Profile)
	mux.HandleFunc("/debug/pprof/symbol", pprof.Symbol)
	mux.HandleFunc("/debug/pprof/trace", pprof.Trace)
	p := &profiles{
		server: &http.Server{Handler: mux, ReadHeaderTimeout: 5 * time.Second},
		served: make(chan error, 1),
	}
	go func() { p.served <- p.server.Serve(listener) }()
	return p, nil
}

// close ends the serving, and profiles that are being taken.
func (p *profiles) close() error {
	err := p.server.Close()
	if served := <-p.served; !errors.Is(served, http.ErrServerClosed) {
		err = errors.Join(err, served)
	}
	return err
}
