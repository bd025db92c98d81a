// Package apifuzz asks a running server everything that its own API document allows, and much that it does
// not, and holds every answer against that document.
//
// Fuzzer makes the requests: from the document's schemas values that are right, at their bounds, or wrong in
// one or several ways; with the right credentials, wrong ones, too weak ones and none; with ids, cursors,
// tags, tickets and keys that earlier answers have brought. What must hold for an answer stands in judge.go.
// A random source whose seed is in the report makes all choices.
//
// The package knows nothing of the server but the document, so that the two check each other. Nothing that
// serves imports it.
package apifuzz
