// Package shopyear is a shop with the orders of a year behind it, and what it asks of a server: that an export takes
// little memory, and that searches, suggestions and sums of sales are answered at once.
//
// It is tests alone. They seed a store of each kind, start the program on it and measure from outside. A run of all tests
// takes a small shop and only looks whether the answers are good ones and exports take what they may; `make shopyear` takes
// 1,000,000 orders and 100,000 products, and fails at each goal that is missed.
package shopyear
