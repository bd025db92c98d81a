// Package subscriber is one WebSocket that follows orders, as their subscribers do, and what tells whether
// the events that it reads come one after another.
//
// It speaks WebSocket by itself, apart from the server's code and its library, so that the two check each
// other, and leanly, so that thousands of subscribers leave the machine to the server. Harnesses and
// measurements use it; nothing that serves imports it.
package subscriber
