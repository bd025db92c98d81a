package pgtest

import "maps"

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

// settings returns what pgtest chooses, and what the caller does: small, and without shared memory that a killed
// server leaves behind.
func (o *Options) settings() map[string]string {
	all := map[string]string{
		"shared_buffers":             "128MB",
		"max_wal_size":               "512MB",
		"dynamic_shared_memory_type": "mmap", // files in the cluster: after kill -9 the others stay behind
	}
	maps.Copy(all, o.Settings)
	return all
}
