package http

import (
	"strconv"

	"github.com/penstock-dev/penstock/commerce"
)

// The API's prefix and its collections.
const (
	pathAPI      = "/api/v2"
	pathProducts = pathAPI + "/products"
	pathOrders   = pathAPI + "/orders"
)

// Limits of lists.
const (
	perPageMax     = 100
	perPageDefault = 20
	pageMax        = 100_000
)

// routes is the registry. Everything that can be asked of the server stands in it.
func routes() []Route {
	var all []Route
	all = append(all, productRoutes()...)
	all = append(all, productSearchRoutes()...)
	all = append(all, stockRoutes()...)
	all = append(all, orderRoutes()...)
	all = append(all, transitionRoutes()...)
	all = append(all, liveRoutes()...)
	all = append(all, trackRoutes()...)
	all = append(all, exportRoute())
	all = append(all, analyticsRoutes()...)
	all = append(all, operatorRoutes()...)
	all = append(all, sessionRoutes()...)
	all = append(all, signinRoutes()...)
	all = append(all, keyRoutes()...)
	all = append(all, benchmarkRoutes()...)
	all = append(all, dashboardRoutes()...)
	return all
}

// commandProblems are the refusals that every command can meet, whatever it asks for.
func commandProblems(codes ...commerce.Code) []commerce.Code {
	return append(codes, commerce.CodeOverloaded, commerce.CodeOutcomeUnknown, commerce.CodeStoreUnavailable,
		commerce.CodeFenced)
}

// keyedProblems are those of a command with an idempotency key.
func keyedProblems(codes ...commerce.Code) []commerce.Code {
	return commandProblems(append(codes, commerce.CodeIdempotencyInFlight, commerce.CodeIdempotencyMismatch)...)
}

func readProblems(codes ...commerce.Code) []commerce.Code {
	return append(codes, commerce.CodeOverloaded, commerce.CodeStoreUnavailable)
}

func idParameter(of string) Parameter {
	return Parameter{Name: "id", In: InPath, Kind: KindID, Required: true, Description: "The id of the " + of + "."}
}

func keyParameter() Parameter {
	return Parameter{
		Name: headerIdempotencyKey, In: InHeader, Kind: KindText, Max: commerce.IdempotencyKeyMax, Pattern: patternVisible,
		Description: "Names this request among yours, in visible ASCII characters. Sent again with the same body, " +
			"it is answered with the first answer and done only once.",
	}
}

func ifNoneMatchParameter() Parameter {
	return Parameter{
		Name: headerIfNoneMatch, In: InHeader, Kind: KindText,
		Description: "The ETag you have; 304 when it is still the same.",
	}
}

func ifMatchParameter(required bool, description string) Parameter {
	return Parameter{
		Name: headerIfMatch, In: InHeader, Kind: KindText, Required: required, Pattern: patternProductTag,
		Examples: []string{`"12-3407"`, "*"}, Description: description,
	}
}

func limitParameter() Parameter {
	return Parameter{
		Name: "limit", In: InQuery, Kind: KindInteger, Min: 1, Max: perPageMax, Default: strconv.Itoa(perPageDefault),
		Description: "How many rows a page has at most.",
	}
}
