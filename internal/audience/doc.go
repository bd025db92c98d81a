// Package audience is many subscribers of one server, good ones and hostile ones, and what proves that
// each good one sees every event of its order once, in order.
//
// FanOut subscribes to as many orders as are wanted, a tenth of the subscribers bent on harm, moves all
// orders on, and measures what a subscriber costs. Restarts kills the server again and again while
// subscribers come back and go on from where they were. Both return the faults that they find, so that
// the same code shows that it catches planted bugs.
//
// The subscribers speak WebSocket by package subscriber, apart from the server's code and its library, so
// that the two check each other. Nothing that serves imports this package.
package audience
