package http

import (
	"strconv"

	"github.com/penstock-dev/penstock/access"
	"github.com/penstock-dev/penstock/actors"
	"github.com/penstock-dev/penstock/http/wire"
)

const (
	// searchPageMax bounds how deep a search is read: the best come first.
	searchPageMax = 1000
	// suggestionsMax bounds what completes a text.
	suggestionsMax = 10
)

func productSearchRoutes() []Route {
	text := Parameter{
		Name: "q", In: InQuery, Kind: KindText, Max: actors.SearchTextMax, Required: true, Pattern: patternWord,
		Description: "What to look for: at most " + strconv.Itoa(actors.SearchWordsMax) + " words, in Korean or English.",
	}
	return []Route{
		{
			Method: "GET", Path: pathProducts + "/search", Operation: "searchProducts", Tag: "products",
			Policy: anybody(), Class: access.ClassRead,
			Summary: "Finds products that are sold, the best first: by name, then SKU, category and description. Typos are forgiven.",
			Parameters: append([]Parameter{text, pageParameter(searchPageMax), perPageParameter()},
				append(filterParameters(), ifNoneMatchParameter())...),
			Answers: productPageAnswers("A page of products, the best first."), Problems: readProblems(),
			Handle: (*Server).searchProducts,
		},
		{
			Method: "GET", Path: pathProducts + "/suggest", Operation: "suggestProducts", Tag: "products",
			Policy: anybody(), Class: access.ClassRead,
			Summary:    "Completes what is being typed with the names of products.",
			Parameters: []Parameter{text, ifNoneMatchParameter()},
			Answers: []Answer{
				{
					Status: 200, Schema: "Suggestions", Headers: publicHeaders("ETag"),
					Description: "Up to " + strconv.Itoa(suggestionsMax) + " different names.",
				},
				{Status: 304, Headers: publicHeaders("ETag"), Description: "The same as before."},
			},
			Problems: readProblems(),
			Handle:   (*Server).suggestProducts,
		},
	}
}

func (s *Server) searchProducts(r *request) error {
	page, perPage := r.page()
	filter, err := r.filter()
	if err != nil {
		return err
	}
	found, err := s.cfg.Engine.SearchProducts(actors.ProductSearch{
		ProductFilter: filter, Text: r.value("q").text, Offset: (page - 1) * perPage, Limit: perPage,
	})
	if err != nil {
		return inQuery(err)
	}
	return s.answerProducts(r, &found, page, perPage, searchPageMax)
}

func (s *Server) suggestProducts(r *request) error {
	found, err := s.cfg.Engine.SuggestProducts(r.value("q").text, suggestionsMax)
	if err != nil {
		return inQuery(err)
	}
	suggestions := make([]wire.Suggestion, len(found))
	for i := range found {
		suggestions[i] = wire.Suggestion(found[i])
	}
	r.buf = wire.AppendSuggestions(r.buf[:0], suggestions)
	r.tag = digestBytes(r.buf).appendETag(r.tag[:0])
	r.setETag()
	r.setPublic(&s.caches.fields, s.caches.fields.listedKey)
	if r.notModified() {
		return nil
	}
	r.answer(200, contentTypeJSON, r.buf)
	return nil
}
