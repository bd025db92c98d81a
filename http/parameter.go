package http

import (
	"errors"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/penstock-dev/penstock/commerce"
	"github.com/penstock-dev/penstock/http/wire"
)

// parametersMax bounds the path and query parameters of one route.
const parametersMax = 10

// Place says where a parameter stands.
type Place string

// The places of parameters.
const (
	InPath   Place = "path"
	InQuery  Place = "query"
	InHeader Place = "header" // described here, read by its handler
)

// Kind says what a parameter's value is, and by that how it is read.
type Kind uint8

// The kinds of parameters.
const (
	KindText           Kind = iota // 1 to Max characters
	KindInteger                    // from Min to Max
	KindBoolean                    // true or false
	KindWord                       // one of Words
	KindID                         // a UUID
	KindStart                      // the start of a range of times
	KindEnd                        // the end of one
	KindOrderCursor                // a place in a list of orders
	KindMovementCursor             // a place in a ledger
	KindStreamCursor               // a place in the stream of events
)

// Parameter describes one parameter of a route: what the API document says of it is what is
// checked.
type Parameter struct {
	Name        string
	In          Place
	Kind        Kind
	Min, Max    int64
	Words       []string
	Default     string // what it is when it is not sent, or ""; for readers
	Pattern     string // what else is true of a text that its handler accepts, for readers
	NotZero     bool   // the same, of an integer
	Format      string // the same, as a format of JSON Schema
	Examples    []string
	Required    bool
	Description string
}

// value is a parameter's value once it has been read. Which field counts follows from the kind.
type value struct {
	set    bool
	number int64
	text   string
	id     commerce.ID
	time   time.Time
}

// parse reads a value. text may alias the request's memory; what is kept of it is copied.
func (p *Parameter) parse(text string, into *value) (fault string) {
	into.set = true
	var err error
	switch p.Kind {
	case KindText:
		into.text = strings.Clone(text)
		return p.textFault(text)
	case KindInteger:
		into.number, err = strconv.ParseInt(text, 10, 64)
		if err != nil || text[0] == '+' || into.number < p.Min || into.number > p.Max {
			return "must be an integer from " + strconv.FormatInt(p.Min, 10) + " to " + strconv.FormatInt(p.Max, 10)
		}
	case KindBoolean:
		switch text {
		case "true":
			into.number = 1
		case "false":
		default:
			return "must be true or false"
		}
	case KindWord:
		return p.word(text, into)
	case KindID:
		into.id, err = commerce.ParseID(text)
	case KindStart:
		into.time, err = wire.ParseStart(text)
	case KindEnd:
		into.time, err = wire.ParseEnd(text)
	case KindOrderCursor:
		into.id, err = wire.ParseOrderCursor(text)
	case KindMovementCursor:
		var version uint64
		version, err = wire.ParseMovementCursor(text)
		into.number = int64(version)
	case KindStreamCursor:
		into.text = strings.Clone(text)
		_, err = wire.ParseStreamCursor(text)
	}
	if err != nil {
		return err.Error()
	}
	return ""
}

func (p *Parameter) textFault(text string) string {
	switch {
	case text == "":
		return "must not be empty"
	case !utf8.ValidString(text):
		return "must be valid UTF-8"
	case int64(utf8.RuneCountInString(text)) > p.Max:
		return "must be at most " + strconv.FormatInt(p.Max, 10) + " characters long, but has " +
			strconv.Itoa(utf8.RuneCountInString(text))
	case strings.IndexByte(text, 0) >= 0:
		return "must not contain the character U+0000"
	}
	return ""
}

// word keeps the position of the word, and the registry's copy of it.
func (p *Parameter) word(text string, into *value) string {
	for i, word := range p.Words {
		if text == word {
			into.number, into.text = int64(i), word
			return ""
		}
	}
	return "must be one of " + strings.Join(p.Words, ", ")
}

// readParameters reads the path's and the query's parameters into r.values, by the route's list.
// All faults are gathered in one refusal.
func (r *request) readParameters() error {
	var faults []commerce.Violation
	note := func(name, fault string) {
		if fault != "" && len(faults) < wire.FaultsMax {
			faults = append(faults, commerce.Violation{Pointer: name, Detail: fault})
		}
	}
	for i := range r.route.Parameters {
		p := &r.route.Parameters[i]
		if p.In == InPath {
			if r.pathID.known {
				r.values[i] = value{set: true, id: r.pathID.id}
				continue
			}
			text, _ := r.ctx.UserValue(p.Name).(string)
			note(p.Name, p.parse(text, &r.values[i]))
		}
	}
	if len(r.ctx.URI().QueryString()) > 0 && !r.route.AnyQuery {
		r.readQuery(note)
	}
	for i := range r.route.Parameters {
		p := &r.route.Parameters[i]
		if p.In == InQuery && p.Required && !r.values[i].set {
			note(p.Name, "is required")
		}
	}
	if len(faults) == 0 {
		return nil
	}
	return &commerce.Error{Code: commerce.CodeValidation, Detail: "the request is not valid", Violations: faults}
}

// nameMax bounds the unknown parameter's name that a refusal quotes.
const nameMax = 60

func (r *request) readQuery(note func(name, fault string)) {
	for name, text := range r.ctx.QueryArgs().All() {
		at := r.route.parameter(string(name))
		switch {
		case at < 0 && r.route.Ticket && string(name) == ticketParameter: // read before
		case at < 0:
			quoted := strings.ToValidUTF8(string(name[:min(len(name), nameMax)]), "\uFFFD")
			note("query", "has no parameter named "+strconv.Quote(quoted))
		case r.values[at].set:
			note(r.route.Parameters[at].Name, "must be given once")
		default:
			p := &r.route.Parameters[at]
			note(p.Name, p.parse(string(text), &r.values[at]))
		}
	}
}

// value returns the value of a parameter that the route has.
func (r *request) value(name string) *value {
	return &r.values[r.route.mustParameter(name)]
}

// id returns the id in the path.
func (r *request) id() commerce.ID { return r.value("id").id }

// number returns the value of an integer, or fallback when it was not sent.
func (r *request) number(name string, fallback int64) int64 {
	if v := r.value(name); v.set {
		return v.number
	}
	return fallback
}

// optionalNumber returns the value of an integer, or nil when it was not sent. The number is a
// copy: requests are used again.
func (r *request) optionalNumber(name string) *int64 {
	v := r.value(name)
	if !v.set {
		return nil
	}
	number := v.number
	return &number
}

// inQuery turns the places that a refusal names in a body into those of the query, for a command
// that was read from there.
func inQuery(err error) error {
	var refusal *commerce.Error
	if !errors.As(err, &refusal) {
		return err
	}
	moved := *refusal
	moved.Violations = slices.Clone(refusal.Violations)
	for i := range moved.Violations {
		v := &moved.Violations[i]
		v.Pointer = strings.TrimPrefix(v.Pointer, "/")
	}
	return &moved
}
