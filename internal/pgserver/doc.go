// Package pgserver runs a PostgreSQL of our own for as long as somebody needs one: it finds the binaries that the
// machine has, makes a cluster, starts a server for it that only this machine reaches, and removes both again, also
// when this process is killed.
//
// Package pgtest breaks such servers; package bench measures on one. What is stored there does not belong here: the package
// imports nothing of this module. It installs nothing, and nothing that serves orders uses it.
package pgserver
