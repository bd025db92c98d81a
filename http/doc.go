// Package http is the engine's door for HTTP/1.1: it reads requests, hands commands to the engine,
// and writes its receipts and refusals.
//
// One registry (routes.go) says which routes there are, what each takes, within which limits, and
// what it answers; the router, the checks of parameters and the OpenAPI document come from it.
// Each resource has a file of its own with its handlers. Bytes are read and written by package
// wire.
//
// What does not belong here: rules (commerce), waiting and ordering (actors), storage
// (persistence). The package stands on fasthttp and never imports net/http; the actor library's
// types never appear in it. cmd calls it.
package http
