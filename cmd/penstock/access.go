package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"

	"github.com/penstock-dev/penstock/access"
	"github.com/penstock-dev/penstock/http"
)

// The choices of --auth.
const (
	authAuto = "auto" // on where others than this machine can reach the server
	authOn   = "on"
	authOff  = "off"
)

// checkAccess refuses a wrong choice, settings that are wrong, and to believe strangers.
func (c *serveCommand) checkAccess() error {
	switch c.Auth {
	case authAuto, authOn, authOff:
	default:
		return fmt.Errorf("--auth must be auto, on or off, but is %q", c.Auth)
	}
	if c.InsecureNoAuth && c.Auth == authOn {
		return errors.New("--auth=on and --insecure-no-auth contradict each other: give one of them")
	}
	rates := c.rates()
	rates.EnsureDefaults()
	if err := rates.Validate(); err != nil {
		return fmt.Errorf("settings of rates: %w", err)
	}
	return http.CheckListen(c.Listen, c.Auth != authOff || c.InsecureNoAuth)
}

// mustProve reports whether callers at an address must prove who they are.
func (c *serveCommand) mustProve(address string) bool {
	switch {
	case c.InsecureNoAuth || c.Auth == authOff:
		return false
	case c.Auth == authOn:
		return true
	}
	return http.CheckListen(address, false) != nil
}

func (c *serveCommand) rates() access.Rates {
	var rates access.Rates
	copyFlags(&rates, c.Rates)
	return rates
}

func (c *serveCommand) accessConfig(log *slog.Logger) access.Config {
	config := access.Config{Logger: log.With("logger", "access")}
	copyFlags(&config, c.Access)
	return config
}

// openAccess opens what proves who asks. A server whose callers must prove something starts only when
// somebody can.
func (n *node) openAccess(ctx context.Context) error {
	config := n.command.accessConfig(n.process.log)
	config.Store = n.store
	config.EnsureDefaults()
	if err := config.Validate(); err != nil {
		return &exitError{code: exitConfig, err: fmt.Errorf("settings of access: %w", err)}
	}
	var err error
	if n.access, err = access.Open(ctx, config); err != nil {
		return &exitError{code: exitIO, err: fmt.Errorf("read the API keys in %s: %w", n.command.where(), err)}
	}
	n.proof = n.command.mustProve(n.listener.Addr().String())
	if n.proof && !n.access.Usable() {
		return &exitError{
			code: exitConfig,
			err:  fmt.Errorf("callers of %s must prove who they are, but there is neither an API key nor an issuer of tokens", n.listener.Addr()),
			hint: "Make a key first: penstock keys create --name … --subject … --scope admin, with the same store. Or give --auth-issuer and " +
				"--auth-audience; or listen on 127.0.0.1, where callers are believed. --insecure-no-auth believes everybody who can connect.",
		}
	}
	return nil
}

// accessOf fills in what the HTTP server needs to know of its callers.
func (n *node) accessOf(config *http.Config) {
	config.Access, config.Keys, config.Proof = n.access, n.access.Keys(), n.proof
	config.Limiter = access.NewLimiter(n.command.rates())
}

// callers says on what terms callers are let in.
func (n *node) callers() string {
	switch {
	case n.command.InsecureNoAuth:
		return "X-User-ID is believed from ANYBODY who reaches this address (--insecure-no-auth)"
	case n.proof:
		return "must send an API key or a token, unless they only look at the catalogue"
	default:
		return "X-User-ID is believed; this address can be reached from this machine only"
	}
}
