package torture

import (
	"fmt"
	"strings"
	"sync"
)

// FaultKind names the promise that was broken.
type FaultKind string

// The kinds of faults.
const (
	FaultLost     FaultKind = "lost"     // something acknowledged is not there
	FaultDoubled  FaultKind = "doubled"  // one key has two orders, or an order has no key
	FaultReplay   FaultKind = "replay"   // a key is not answered with its first answer
	FaultState    FaultKind = "state"    // an order or product is not as its answers said
	FaultStock    FaultKind = "stock"    // a product's units are not what its history makes them
	FaultOversold FaultKind = "oversold" // more units are allocated than there are
	FaultRefusal  FaultKind = "refusal"  // a refusal is not true
	FaultVerify   FaultKind = "verify"   // the server's own verification found something
	FaultHistory  FaultKind = "history"  // no order of operations explains the answers
	FaultDiffers  FaultKind = "differs"  // two stores do not show the same of the same commands
	FaultAnswer   FaultKind = "answer"   // an answer that nothing explains
	FaultServer   FaultKind = "server"   // the server ended or hung up unasked
	FaultStale    FaultKind = "stale"    // a server that was taken over went on
	FaultSlow     FaultKind = "slow"     // a wait was longer than promised
)

// Fault is one broken promise.
type Fault struct {
	Kind   FaultKind
	Detail string
}

// faultsMax bounds the faults that are kept; the rest are only counted.
const faultsMax = 12

// Faults gathers what went wrong. It is safe for concurrent use.
type Faults struct {
	mu    sync.Mutex
	list  []Fault
	kinds map[FaultKind]int
	total int
}

// Add notes a fault.
func (f *Faults) Add(kind FaultKind, format string, args ...any) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.total++
	if f.kinds == nil {
		f.kinds = make(map[FaultKind]int)
	}
	f.kinds[kind]++
	if len(f.list) < faultsMax {
		f.list = append(f.list, Fault{kind, fmt.Sprintf(format, args...)})
	}
}

// Total returns how many faults there are.
func (f *Faults) Total() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.total
}

// Has reports whether there is a fault of the kind.
func (f *Faults) Has(kind FaultKind) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.kinds[kind] > 0
}

// String lists the first faults, one a line.
func (f *Faults) String() string {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.total == 0 {
		return "no faults"
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%d faults", f.total)
	for i := range f.list {
		fmt.Fprintf(&b, "\n  %s: %s", f.list[i].Kind, f.list[i].Detail)
	}
	return b.String()
}
