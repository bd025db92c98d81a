package pgtest

import (
	"maps"
	"slices"
	"strconv"
	"strings"
)

// Options says how a server is set up. The zero value is a good one.
type Options struct {
	// Dir is where cluster and log stand. What is there is used again, and stays. Empty: a temporary
	// directory, removed when the server is closed or this process ends. When root runs the tests,
	// the user postgres must be able to reach it, which t.TempDir does not allow.
	Dir string

	// Settings are PostgreSQL's, as in postgresql.conf; they win over those that pgtest chooses.
	Settings map[string]string

	// Env is added to the server's environment, as NAME=value.
	Env []string

	// Faults prepares the server for SetFault: it loads a library before the C library, which needs
	// Linux and a C compiler.
	Faults bool
}

// settings returns the whole configuration of a server. As durable as in production, because
// durability is under test; but small, and with nothing that outlives the directory.
func (o *Options) settings(port int) map[string]string {
	all := map[string]string{
		"listen_addresses":           address,
		"port":                       strconv.Itoa(port),
		"unix_socket_directories":    "",
		"max_connections":            "200",
		"shared_buffers":             "128MB",
		"fsync":                      "on",
		"synchronous_commit":         "on",
		"max_wal_size":               "512MB",
		"jit":                        "off",
		"autovacuum":                 "on",
		"timezone":                   "UTC",
		"log_timezone":               "UTC",
		"lc_messages":                "C",
		"log_line_prefix":            "%m [%p] %a ",
		"log_checkpoints":            "off",
		"logging_collector":          "off",
		"restart_after_crash":        "on",
		"dynamic_shared_memory_type": "mmap", // files in the cluster: after kill -9 the others stay behind
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
