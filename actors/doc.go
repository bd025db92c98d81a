// Package actors is the ordering engine: grains that own stock and state, the committer that makes
// what they decide durable, and the façade, Engine, that everything above goes through.
//
// # Who owns what
//
// A product grain owns the units of its product that are granted and not yet settled. A claim grain
// carries an order while it is being placed, an order grain owns one that stands while a command on
// it is under way. A partition actor owns the product
// grains whose ids hash to it. The committer, a goroutine, owns the store's writer and with it the
// order in which things become true. Committed rows travel up: they stand in a productRef, written
// by the committer and read by everybody.
//
// An actor's Receive does no I/O and never waits; the locks it meets (of mailboxes and of
// admission) are held for a few instructions. What waits is a goroutine that
// owns the wait (the caller's, or one that sends its result back as a message).
//
// # An order's way
//
//	Engine.PlaceOrder ── claim ──► claim grain ── grantRequest ──► product grain (one after another, by id)
//	       ▲                          │  ▲  ◄────────────────────── granted · refused · parked
//	       │                    entry ▼  │ outcome
//	       └──── answer ◄────────── committer ──► persistence.Writer.Commit ──► rows into productRefs
//
// Actors give speed and order; the store gives the guarantee.
//
// The package imports commerce and persistence; types of the actor library stay inside it. It knows
// nothing of HTTP.
package actors
