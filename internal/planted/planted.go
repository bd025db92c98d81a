// Package planted holds bugs on purpose. A harness that never fails proves nothing, so each check
// of a promise is run against a build in which that promise is broken, and must notice.
//
// The bugs exist only under the build tag "planted", where the environment variable PENSTOCK_PLANT
// names the one to switch on. In every other build Is is a constant false and the compiler removes
// what stands behind it.
package planted

// Bug names a planted bug.
type Bug string

// The planted bugs, each with the check that must notice it.
const (
	// AnswerBeforeCommit answers an order when it is queued: crash harness, lost order.
	AnswerBeforeCommit Bug = "answer-before-commit"
	// CommitWithoutSync writes batches without fsync: crash clone, lost batch.
	CommitWithoutSync Bug = "commit-without-sync"
	// GrantNotGivenBack keeps the units of a refused order: harness, false refusal.
	GrantNotGivenBack Bug = "grant-not-given-back"
	// DeltaTwice applies the stock delta of an entry twice: verify, stock sum.
	DeltaTwice Bug = "delta-twice"
	// DeltaOfRefused applies the stock delta of an entry that did not apply: verify, stock sum.
	DeltaOfRefused Bug = "delta-of-refused"
	// RetryAfterSellOut refuses a keyed command without looking its key up: harness, a retry after
	// the sell-out gets 409.
	RetryAfterSellOut Bug = "retry-after-sell-out"
	// RefuseUncommitted refuses an order for units that are only granted: porcupine, false refusal.
	RefuseUncommitted Bug = "refuse-uncommitted"
	// KeyNotBound commits an order without its key: harness, one key with two orders.
	KeyNotBound Bug = "key-not-bound"
	// ForeignBatch lets a process take its predecessor's place in the store without a name of its
	// own, and take a batch that has its number for its own: two servers on one database, lost order.
	ForeignBatch Bug = "foreign-batch"
	// UnknownAsRefused tells of a batch whose connection was lost during its commit that it was not
	// written: cuts, a writer that stumbles over a batch of its own.
	UnknownAsRefused Bug = "unknown-as-refused"
	// EventNotTold takes every third event of an order for told to who follows it: subscribers, a gap.
	EventNotTold Bug = "event-not-told"
	// ResumeRepeats resumes a subscription one event too early: subscribers, an event seen twice.
	ResumeRepeats Bug = "resume-repeats"
	// OwnerNotAsked shows an order's timeline to everybody who may see timelines: matrix of access, a foreign
	// order.
	OwnerNotAsked Bug = "owner-not-asked"
	// FeedOfAll tells everybody who follows orders of all of them: sockets, an event of somebody else's.
	FeedOfAll Bug = "feed-of-all"
	// RouteOpen lets everybody see the ledger of a product: matrix of access, an open route.
	RouteOpen Bug = "route-open"
	// SocketOutlivesKey does not look again at what a socket was opened with: sockets, one that stays.
	SocketOutlivesKey Bug = "socket-outlives-key"
	// HiddenAtOnce says at once that there is no such order: times, an answer that leaves too early.
	HiddenAtOnce Bug = "hidden-at-once"
)
