// Package bench measures Penstock beside peers in the same run, so that its figures are ratios and
// not properties of a machine or of an hour.
//
// A Scenario says what is asked, an Engine is a server process that is asked, and Run measures
// each engine in interleaved rounds: a closed loop over keep-alive connections, latencies in an
// HdrHistogram, the server's CPU from /proc, and the disk's fsync rate beside them. The peer
// "echo" answers the same bytes to the same requests and does nothing else: the limit.
//
// The package talks to servers over HTTP only, with a client (Conn) lean enough to leave the
// machine to them. It imports neither actors nor http nor a store. Command lines and flags belong
// to cmd/penstock.
package bench
