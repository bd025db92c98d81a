package main

import (
	"errors"
	"fmt"
	"net"

	"github.com/penstock-dev/penstock/http"
)

// operationsFlags say where operators ask.
type operationsFlags struct {
	OperationsListen string `placeholder:"HOST:PORT" help:"Serve health, metrics, Go's profiles and administration there, and no longer at --listen. Without it they are at --listen where that is loopback, and nowhere else."`
	Pprof            string `placeholder:"HOST:PORT" help:"Serve Go's profiles there, with the rest of what operators ask for, on loopback only. Off by default."`
}

// checkTransport refuses addresses that strangers reach, and what encryption does not go with.
func (c *serveCommand) checkTransport() error {
	if c.OperationsListen != "" {
		if err := http.CheckListen(c.OperationsListen, c.InsecureNoAuth || c.mustProve(c.Listen)); err != nil {
			return &exitError{
				code: exitConfig, err: fmt.Errorf("--operations-listen: %w", err),
				hint: "Listen on loopback there, or have callers prove who they are (--auth=on).",
			}
		}
	}
	if c.Pprof != "" {
		if err := http.CheckListen(c.Pprof, false); err != nil {
			return &exitError{code: exitConfig, err: fmt.Errorf("--pprof: %w", err), hint: "Profiles are served on loopback only."}
		}
	}
	if c.encrypted() && c.Benchmarks == benchmarksOn {
		return &exitError{
			code: exitConfig, err: errors.New("--benchmarks=on does not go with --http-tls-cert"),
			hint: "A server measures itself without encryption: leave one of the two out.",
		}
	}
	return nil
}

// encrypted reports whether callers are spoken to over TLS.
func (c *serveCommand) encrypted() bool {
	if c.HTTP == nil { // nothing has been parsed
		return false
	}
	var config http.Config
	copyFlags(&config, c.HTTP)
	return config.TLSCert != ""
}

// operationsApart reports whether what operators ask for is not to be found at the public address: because it
// has an address of its own, or because strangers can reach the public one.
func (c *serveCommand) operationsApart(public net.Addr) bool {
	return c.OperationsListen != "" || !c.InsecureNoAuth && http.CheckListen(public.String(), false) != nil
}

// operations are the listeners of operators.
type operations struct {
	listeners []net.Listener
	served    chan error // of each of them
}

// openOperations takes the addresses of operators.
func (c *serveCommand) openOperations() (*operations, error) {
	o := &operations{}
	for _, flag := range []struct{ name, address string }{{"--operations-listen", c.OperationsListen}, {"--pprof", c.Pprof}} {
		if flag.address == "" {
			continue
		}
		listener, err := listen(flag.address)
		if err != nil {
			return nil, errors.Join(fmt.Errorf("%s: %w", flag.name, err), o.close())
		}
		o.listeners = append(o.listeners, listener)
	}
	o.served = make(chan error, len(o.listeners))
	return o, nil
}

// serve answers operators until the server is stopped.
func (o *operations) serve(server *http.Server) {
	for _, listener := range o.listeners {
		go func() { o.served <- server.ServeOperations(listener) }()
	}
}

// wait returns when nobody is served any more. REQUIRES: serve was called, and the server was stopped.
func (o *operations) wait() error {
	var errs []error
	for range o.listeners {
		errs = append(errs, <-o.served)
	}
	return errors.Join(errs...)
}

// close closes the listeners, if the server has not.
func (o *operations) close() error {
	var errs []error
	for _, listener := range o.listeners {
		if err := listener.Close(); err != nil && !errors.Is(err, net.ErrClosed) {
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}

// where says at which address operators ask, or "".
func (n *node) whereOperations() string {
	switch {
	case n.command.OperationsListen != "":
		return n.operations.listeners[0].Addr().String()
	case n.command.operationsApart(n.listener.Addr()):
		return "off; give --operations-listen HOST:PORT for metrics and administration"
	default:
		return ""
	}
}
