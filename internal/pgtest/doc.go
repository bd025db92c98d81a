// Package pgtest gives tests a PostgreSQL of their own: a Server with its own cluster in a temporary
// directory, databases in it that cost milliseconds (Shared), and the means to break it: kill -9 of
// the postmaster or of a backend, connections that a Proxy cuts in the middle of a commit, a disk
// that refuses to sync or is full (Server.SetFault).
//
// The binaries are looked for on the machine, and installed when the tests run as root where apt-get
// is. With PENSTOCK_TEST_DATABASE_URL set, Shared makes its databases on that server; a Server is
// always one of our own, because it is there to be broken.
//
// What Penstock stores does not belong here: of this module the package imports only internal/aptget
// and internal/pgserver, so that every package's tests may import it. Nothing that serves imports it.
package pgtest
