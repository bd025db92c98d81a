// Package bench measures Penstock beside peers in the same run, so that its figures are ratios and
// not properties of a machine or of an hour.
//
// A Scenario says what is asked, an engine is a server process that is asked, and Run measures
// each engine in interleaved rounds: a closed loop over keep-alive connections, or an open loop at a fixed
// rate; latencies in an HdrHistogram, the CPU of server and database from /proc, and the disk's fsync rate beside them.
// In a scenario that is followed an audience subscribes to orders, and what counts is what it reads.
// Overload asks too much and looks what becomes of it. Compare says which of two results is better, as far as
// their rounds can tell.
//
// The peer "echo" answers the same bytes to the same requests and does nothing else: the limit. The others, shops
// without actors, are in package peer; the past that all of them are given is made up by package history.
//
// The package talks to servers over HTTP only, with a client (Conn) lean enough to leave the
// machine to them. It imports neither actors nor http nor a store: a server is a process that it starts. Command lines and
// flags belong to cmd/penstock.
package bench
