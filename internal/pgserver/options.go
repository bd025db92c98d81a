package pgserver

import (
	"context"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// Options says how a server is set up.
type Options struct {
	Binaries Binaries // required; Look finds them

	// Dir is where cluster and log stand. What is there is used again, and stays. Empty: a temporary
	// directory, removed when the server is closed or this process ends. When root starts the server,
	// the user postgres must be able to reach it.
	Dir string

	// Settings are PostgreSQL's, as in postgresql.conf; they win over those that are chosen here.
	Settings map[string]string

	// Env is added to the server's environment, as NAME=value.
	Env []string

	// Prepare is called when the directory and the cluster in it are there, before the server is started. What it
	// returns is added to the server's environment. Optional.
	Prepare func(ctx context.Context, dir, data string) (env []string, err error)
}

// settings returns the whole configuration of a server. It is as durable as in production, and nothing of it
// outlives the directory.
func (o *Options) settings(port int) map[string]string {
	all := map[string]string{
		"listen_addresses":        address,
		"port":                    strconv.Itoa(port),
		"unix_socket_directories": "",
		"max_connections":         "200",
		"fsync":                   "on",
		"synchronous_commit":      "on",
		"autovacuum":              "on",
		"jit":                     "off",
		"timezone":                "UTC",
		"log_timezone":            "UTC",
		"lc_messages":             "C",
		"log_line_prefix":         "%m [%p] %a ",
		"log_checkpoints":         "off",
		"logging_collector":       "off",
		"restart_after_crash":     "on",
	}
	maps.Copy(all, o.Settings)
	return all
}

// configuration writes settings in the form of postgresql.conf.
func configuration(settings map[string]string) string {
	var b strings.Builder
	for _, name := range slices.Sorted(maps.Keys(settings)) {
		b.WriteString(name + " = '" + strings.ReplaceAll(settings[name], "'", "''") + "'\n")
	}
	return b.String()
}
