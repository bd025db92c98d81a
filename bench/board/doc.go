// Package board measures the server that it is part of, and keeps what was found: by itself, and by
// penstock bench, whose documents are brought in. http shows a Board to the world; cmd/penstock joins
// the two.
//
// A run is one scenario of package bench in a closed loop over loopback, bounded in requests, in
// connections and in time, one run after another. It works with products of its own, which are
// archived afterwards: no unit that could be sold is touched. Orders that it places stay unpaid and
// expire like any other. The load is made in the server's own process, so that a run says how this
// server does here and now, beside its real load; what an operation costs in CPU is for penstock bench
// to say.
//
// What is measured and how results are compared belongs to package bench; routes and pages belong to
// http and web. The package imports neither.
package board
