package actors

import "time"

// grants are a product's open grants: those whose entries have not settled yet. The list runs through
// the requests themselves, so that opening and settling a grant allocates nothing and looks nothing up.
// The product grain owns it.
type grants struct {
	first *grantRequest
	units int64
}

// grant is a request's place in a list.
type grant struct {
	in             *grants // nil when it is not open
	previous, next *grantRequest
}

// grantMargin is how much longer than its entry's deadline a grant is kept.
const grantMargin = time.Second

// grantEnd is the moment after which a grant whose entry has not been heard of is dropped.
func (r *grantRequest) grantEnd() time.Time { return r.deadline.Add(grantMargin) }

func (g *grants) none() bool { return g.first == nil }

// open puts a request into the list. REQUIRES: it is in none.
func (g *grants) open(r *grantRequest) {
	r.grant = grant{in: g, next: g.first}
	if g.first != nil {
		g.first.grant.previous = r
	}
	g.first = r
	g.units += r.quantity
}

// drop takes a request out of the list. One that is not in it does no harm: a grant is settled or given
// back late, after its grain has lost its mind.
func (g *grants) drop(r *grantRequest) {
	if r.grant.in != g {
		return
	}
	if r.grant.previous == nil {
		g.first = r.grant.next
	} else {
		r.grant.previous.grant.next = r.grant.next
	}
	if r.grant.next != nil {
		r.grant.next.grant.previous = r.grant.previous
	}
	r.grant = grant{}
	g.units -= r.quantity
}
