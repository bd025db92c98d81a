package http

// place says at which listeners a route can be asked for.
type place uint8

const (
	placePublic     place = iota // where callers ask
	placeEverywhere              // at every listener: what supervisors and load balancers ask
	placeOperations              // where operators ask; at the public listener too, unless they have one of their own
	placeInside                  // where operators ask, and never at the public listener
)

// isAt reports whether a route can be asked for at a door. apart says that operators have one of their own.
func (r *Route) isAt(at door, apart bool) bool {
	switch r.Place {
	case placeEverywhere:
		return true
	case placeOperations:
		return at == doorOperations || !apart
	case placeInside:
		return at == doorOperations
	default:
		return at == doorPublic
	}
}
