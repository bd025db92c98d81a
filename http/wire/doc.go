// Package wire turns bytes into the words of commerce and back: request bodies, cursors, dates and
// entity tags on the way in, answers and problems on the way out.
//
// Reading is strict. A body is refused for anything that two programs could understand
// differently: duplicate names, invalid UTF-8, lone surrogates, fractions and exponents, unknown
// fields, trailing data. What a value may be is decided by commerce; this package only says where
// in the body the fault is. Writing appends to the caller's buffer.
//
// Nothing that is returned refers to the bytes that were read, which belong to the HTTP server and
// are used again for the next request.
//
// The package knows nothing of connections, headers' names or status codes: package http does. It
// imports commerce, the row types of persistence and a JSON lexer.
package wire
