// Package access knows who asks and how much they may ask: API keys, tokens of an OpenID Connect issuer,
// sessions of pages, tickets for sockets, and rates.
//
// It proves who somebody is. What they may do stands in the principal's scopes (package commerce); which
// scopes a request needs is said by the routes (package http), and whose order it is, is decided where
// the order is known (package actors). Nothing here knows HTTP but the client that fetches an issuer's keys.
package access
