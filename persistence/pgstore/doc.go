// Package pgstore is the persistence.Store on PostgreSQL.
//
// A batch is one transaction and, nearly always, one round trip: a pipeline of array statements that
// takes for granted that every entry applies, and raises an error when one does not. Then the same
// batch goes the careful way: lock what it names, decide each entry by the rules of commerce, write what
// applies. The first transaction of a batch moves its writer's sequence number, so that a batch whose
// outcome a lost connection hid can be sent again: the number tells whether it was applied.
//
// Here belong the schema (migrations), the SQL, the sessions' settings and what tells errors apart.
// What an entry means does not: commerce decides it. Nothing above this package imports pgx.
package pgstore
