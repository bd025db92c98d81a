package wire

import (
	"bytes"
	"errors"
	"io"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/penstock-dev/penstock/commerce"
)

// Limits on the shape of a body. Limits on its values are commerce's.
const (
	// DepthMax bounds the nesting of a body, the outermost object counted.
	DepthMax = 8
	// AttributesDepthMax bounds the nesting of a product's attributes, their own object counted.
	AttributesDepthMax = 5
	// FaultsMax bounds the faults that are gathered; reading stops at the last one.
	FaultsMax = 20
	// pointerMax bounds the pointer of one fault, which can quote a name of the body.
	pointerMax = 120
	// numberMax bounds the digits of a number in a product's attributes.
	numberMax = 32
)

// Decoder reads request bodies. Its methods fill in a command and return nil, or a
// validation_failed refusal that lists the faults, each with its JSON pointer. A refused command
// is half filled in and must not be used.
//
// A Decoder keeps its memory between bodies and is not safe for concurrent use.
type Decoder struct {
	source bytes.Buffer
	json   *jsontext.Decoder
	body   []byte
	faults []commerce.Violation
	// stopped says that nothing more is read: the text is not JSON from here on, a limit was
	// passed, or the faults are too many. Every read then does nothing.
	stopped bool
	name    []byte // of the member being read; valid until its value is read
	scratch []byte
}

// NewDecoder returns a Decoder.
func NewDecoder() *Decoder {
	d := new(Decoder)
	d.json = jsontext.NewDecoder(&d.source)
	return d
}

// start begins a body. The lexer reads from it in place.
func (d *Decoder) start(body []byte) {
	d.body = body
	d.source = *bytes.NewBuffer(body)
	d.json.Reset(&d.source)
	d.faults, d.stopped = nil, false
}

// finish ends a body: nothing may follow it. check is what commerce says of the command; its
// faults are added unless the same place is at fault already, and left out when the body could not
// be read to its end.
func (d *Decoder) finish(check func() error) error {
	if !d.stopped {
		if _, err := d.json.ReadToken(); err == nil {
			d.stop("", "must be one JSON object, but more follows it at byte "+
				strconv.FormatInt(d.json.InputOffset(), 10))
		} else if !errors.Is(err, io.EOF) {
			d.broken(err)
		}
	}
	d.forget()
	if !d.stopped {
		d.adopt(check())
	}
	if len(d.faults) == 0 {
		return nil
	}
	return &commerce.Error{
		Code: commerce.CodeValidation, Detail: "the request is not valid", Violations: d.faults,
	}
}

// bodyKept bounds the bodies whose working memory is kept for the next one.
const bodyKept = 32 << 10

// forget lets go of the body, which is the server's again.
func (d *Decoder) forget() {
	if len(d.body) > bodyKept {
		d.json, d.scratch = jsontext.NewDecoder(&d.source), nil
	}
	d.body, d.name = nil, nil
	d.source = bytes.Buffer{}
	d.json.Reset(&d.source)
}

// adopt adds the faults that commerce has found, unless the place is at fault already.
func (d *Decoder) adopt(err error) {
	if err == nil {
		return
	}
	var refusal *commerce.Error
	if !errors.As(err, &refusal) {
		return
	}
	for _, v := range refusal.Violations {
		if len(d.faults) == FaultsMax {
			return
		}
		if !d.faulty(v.Pointer) {
			d.faults = append(d.faults, v)
		}
	}
}

// faulty reports whether the place, or one that holds it, is at fault already.
func (d *Decoder) faulty(pointer string) bool {
	for i := range d.faults {
		rest, within := strings.CutPrefix(pointer, d.faults[i].Pointer)
		if within && (rest == "" || rest[0] == '/') {
			return true
		}
	}
	return false
}

// open enters an object or an array; otherwise it notes the fault.
func (d *Decoder) open(begin jsontext.Kind) bool {
	if d.stopped {
		return false
	}
	if d.json.PeekKind() != begin {
		d.mismatch(kindName(begin))
		return false
	}
	_, err := d.json.ReadToken()
	return d.ok(err)
}

// more reports whether the object or array holds another value.
func (d *Decoder) more(end jsontext.Kind) bool {
	return !d.stopped && d.json.PeekKind() != end // a broken text speaks up at the next read
}

// close leaves an object or array whose values are all read.
func (d *Decoder) close() {
	if !d.stopped {
		_, err := d.json.ReadToken()
		d.ok(err)
	}
}

// member reads the name of the next member into d.name.
func (d *Decoder) member() bool {
	raw, err := d.json.ReadValue()
	if !d.ok(err) {
		return false
	}
	d.name = d.unquote(raw)
	return true
}

// text reads a string. The copy is the caller's.
func (d *Decoder) text(into *string) bool {
	if d.json.PeekKind() != '"' {
		d.mismatch("a string")
		return false
	}
	raw, err := d.json.ReadValue()
	if !d.ok(err) {
		return false
	}
	*into = string(d.unquote(raw))
	return true
}

// unquote returns the text of a JSON string that has been read, hence is valid. The result is
// valid until the next read.
func (d *Decoder) unquote(raw jsontext.Value) []byte {
	if bytes.IndexByte(raw, '\\') < 0 {
		return raw[1 : len(raw)-1]
	}
	d.scratch, _ = jsontext.AppendUnquote(d.scratch[:0], raw)
	return d.scratch
}

// integer reads a whole number.
func (d *Decoder) integer(into *int64) bool {
	if d.json.PeekKind() != '0' {
		d.mismatch("an integer")
		return false
	}
	raw, err := d.json.ReadValue()
	if !d.ok(err) {
		return false
	}
	value, fault := parseInteger(raw)
	if fault != "" {
		d.fault(fault)
		return false
	}
	*into = value
	return true
}

// integerDigitsMax bounds the digits of an integer, so that it fits into 64 bits. Every limit of
// commerce is far below.
const integerDigitsMax = 18

// parseInteger reads the digits of a JSON number. It returns what is wrong with it, or "".
func parseInteger(raw []byte) (value int64, fault string) {
	digits := raw
	if raw[0] == '-' {
		digits = raw[1:]
	}
	for i, c := range digits {
		switch {
		case c < '0' || c > '9':
			return 0, "must be an integer, without a fraction or an exponent"
		case i < integerDigitsMax:
			value = value*10 + int64(c-'0')
		}
	}
	switch {
	case len(digits) > integerDigitsMax:
		return 0, "must be an integer of at most " + strconv.Itoa(integerDigitsMax) + " digits"
	case len(digits) == len(raw):
		return value, ""
	case value == 0:
		return 0, "must be an integer; -0 is not one"
	default:
		return -value, ""
	}
}

// id reads the id of a product or an order.
func (d *Decoder) id(into *commerce.ID) {
	if d.json.PeekKind() != '"' {
		d.mismatch("a string")
		return
	}
	raw, err := d.json.ReadValue()
	if !d.ok(err) {
		return
	}
	id, err := commerce.ParseID(string(d.unquote(raw)))
	if err != nil {
		d.fault(err.Error())
		return
	}
	*into = id
}

// unknown refuses the member that has just been named. hint, when not empty, says what to do.
func (d *Decoder) unknown(hint string) {
	if hint == "" {
		hint = "is not a field that is known here"
	}
	d.fault(hint)
	d.skip()
}

// skip reads over one value, whatever it holds.
func (d *Decoder) skip() {
	d.walk(DepthMax-d.json.StackDepth(), DepthMax, func(jsontext.Token) string { return "" })
}

// walk reads one value token by token, so that nesting is bounded before it costs anything. see
// returns what is wrong with a token, or "". levels is how deep the value may still go, and max
// what the refusal calls the limit.
func (d *Decoder) walk(levels, max int, see func(jsontext.Token) string) {
	base := d.json.StackDepth()
	for !d.stopped {
		token, err := d.json.ReadToken()
		if !d.ok(err) {
			return
		}
		depth := d.json.StackDepth() - base
		if depth > levels {
			d.stop(d.pointer(), "must not nest deeper than "+strconv.Itoa(max)+" levels")
			return
		}
		if fault := see(token); fault != "" {
			d.fault(fault)
		}
		if depth == 0 {
			return
		}
	}
}

// mismatch refuses a value of another type than want, and reads over it.
func (d *Decoder) mismatch(want string) {
	got := d.json.PeekKind()
	d.skip()
	d.fault("must be " + want + ", not " + kindName(got))
}

// require notes the fields of the object just closed that are missing.
func (d *Decoder) require(seen fieldSet, names ...string) {
	for i, name := range names {
		if !d.stopped && seen&(1<<i) == 0 {
			d.note(d.pointer()+"/"+name, "is required")
		}
	}
}

// fieldSet says which of an object's required fields have been seen, by their position.
type fieldSet uint8

// fault notes that the value read last, or the member named last, is wrong.
func (d *Decoder) fault(detail string) {
	if !d.stopped {
		d.note(d.pointer(), detail)
	}
}

func (d *Decoder) note(pointer, detail string) {
	d.faults = append(d.faults, commerce.Violation{Pointer: shorten(pointer, pointerMax), Detail: detail})
	if len(d.faults) == FaultsMax {
		d.stopped = true
	}
}

// stop notes a fault after which nothing more is read.
func (d *Decoder) stop(pointer, detail string) {
	d.note(pointer, detail)
	d.stopped = true
}

func (d *Decoder) pointer() string { return string(d.json.StackPointer()) }

// ok reports whether a read succeeded; otherwise the text is not JSON.
func (d *Decoder) ok(err error) bool {
	if err != nil {
		d.broken(err)
	}
	return err == nil
}

// broken notes where and why the text is not JSON. The lexer's words are used where they are
// plain; they quote at most one character or escape sequence.
func (d *Decoder) broken(err error) {
	if d.stopped {
		return
	}
	var at *jsontext.SyntacticError
	switch {
	case len(bytes.TrimSpace(d.body)) == 0:
		d.stop("", "must be a JSON object, but the body is empty")
	case !errors.As(err, &at) || errors.Is(err, io.ErrUnexpectedEOF):
		d.stop("", "ends too early: the JSON text is cut off after byte "+strconv.Itoa(len(d.body)))
	case errors.Is(err, jsontext.ErrDuplicateName):
		d.stop(string(at.JSONPointer), "must not be given twice")
	case errors.Is(err, jsontext.ErrNonStringName):
		d.stop("", "is not valid JSON at byte "+strconv.FormatInt(at.ByteOffset, 10)+": a name must be a string")
	default:
		d.stop(string(at.JSONPointer), "is not valid JSON at byte "+strconv.FormatInt(at.ByteOffset, 10)+": "+at.Err.Error())
	}
}

func kindName(k jsontext.Kind) string {
	switch k {
	case '"':
		return "a string"
	case '0':
		return "a number"
	case '{':
		return "an object"
	case '[':
		return "an array"
	case 't', 'f':
		return "a boolean"
	default:
		return "null"
	}
}

// shorten cuts a text to at most max bytes, between two characters.
func shorten(s string, max int) string {
	if len(s) <= max {
		return s
	}
	cut := max
	for cut > 0 && !utf8.RuneStart(s[cut]) {
		cut--
	}
	return strings.Clone(s[:cut]) + "…"
}
