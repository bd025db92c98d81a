// Package gatekeeper holds no code, only the tests that ask a whole server who may do what: a real engine on a
// real store, real credentials, over TCP. Who may do what stands here once more, written by hand, so that a
// policy that is wrong in the server's registry is noticed; and what an order holds is planted as texts that
// nobody else's answer may contain.
//
// The tests know the server by its API document and its answers alone. What is decided where the order is known
// has tests beside its code, in actors and commerce; attacks on credentials themselves are in access.
package gatekeeper
