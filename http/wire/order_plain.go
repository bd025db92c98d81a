package wire

import (
	"strings"
	"unicode/utf8"

	"github.com/penstock-dev/penstock/commerce"
)

// plainOrder reads the body of an order in the form that programs write it: members that are known, each once,
// texts without escapes, whole numbers that are not negative. Whatever else comes, it fails, says nothing and leaves
// nothing behind: the Decoder then reads the body from its beginning, and what it says stands. It accepts nothing that the
// Decoder refuses, and reads nothing differently; it takes a third of the time (decision record 0024).
type plainOrder struct {
	body   []byte
	at     int // of the next byte
	failed bool
	lines  []commerce.OrderLine
	texts  [plainTexts][]byte // parts of the body; nil: not sent
}

// The texts of an order.
const (
	plainStreet = iota
	plainCity
	plainPostalCode
	plainRecipient
	plainPhone
	plainStreet2
	plainState
	plainCountry
	plainNote
	plainTexts
)

// readPlainOrder fills in the command and returns true, or returns false and leaves it as it was.
func readPlainOrder(body []byte, cmd *commerce.PlaceOrder) bool {
	p := plainOrder{body: body}
	p.order()
	if p.next(); p.failed || p.at < len(body) {
		return false
	}
	read := commerce.PlaceOrder{Caller: cmd.Caller, Key: cmd.Key, Lines: p.lines}
	p.copyTexts(&read)
	if read.Validate() != nil { // for one thing, a text that is required has not been sent
		return false
	}
	*cmd = read
	return true
}

func (p *plainOrder) order() {
	var items, address bool
	for more := p.open('{', '}'); more; more = p.more('}') {
		switch string(p.name()) {
		case "items":
			p.once(&items)
			p.items()
		case "shipping_address":
			p.once(&address)
			p.address()
		case "note":
			p.text(plainNote)
		default:
			p.failed = true
		}
	}
}

func (p *plainOrder) items() {
	p.lines = make([]commerce.OrderLine, 0, itemsGuess)
	for more := p.open('[', ']'); more; more = p.more(']') {
		p.failed = p.failed || len(p.lines) == commerce.OrderItemsMax
		p.lines = append(p.lines, p.item())
	}
}

func (p *plainOrder) item() (line commerce.OrderLine) {
	var product, quantity, price bool
	for more := p.open('{', '}'); more; more = p.more('}') {
		switch string(p.name()) {
		case "product_id":
			p.once(&product)
			line.Product = p.id()
		case "quantity":
			p.once(&quantity)
			line.Quantity = p.integer()
		case "price":
			p.once(&price)
			line.Price = new(int64)
			*line.Price = p.integer()
		default:
			p.failed = true
		}
	}
	p.failed = p.failed || !product // without a quantity it is 0, which is refused
	return line
}

func (p *plainOrder) address() {
	for more := p.open('{', '}'); more; more = p.more('}') {
		switch string(p.name()) {
		case "street":
			p.text(plainStreet)
		case "city":
			p.text(plainCity)
		case "postal_code":
			p.text(plainPostalCode)
		case "recipient":
			p.text(plainRecipient)
		case "phone":
			p.text(plainPhone)
		case "street2":
			p.text(plainStreet2)
		case "state":
			p.text(plainState)
		case "country":
			p.text(plainCountry)
		default:
			p.failed = true
		}
	}
}

// text keeps a text.
func (p *plainOrder) text(which int) {
	p.failed = p.failed || p.texts[which] != nil
	p.texts[which] = p.quoted()
}

// once fails when a member has been seen before.
func (p *plainOrder) once(seen *bool) {
	p.failed = p.failed || *seen
	*seen = true
}

// copyTexts puts the texts into the command. They live and die together, hence are one piece of memory.
func (p *plainOrder) copyTexts(cmd *commerce.PlaceOrder) {
	size := 0
	for _, text := range p.texts {
		size += len(text)
	}
	var joined strings.Builder
	joined.Grow(size)
	for _, text := range p.texts {
		joined.Write(text)
	}
	rest, a := joined.String(), &cmd.Address
	for i, into := range [plainTexts]*string{
		plainStreet: &a.Street, plainCity: &a.City, plainPostalCode: &a.PostalCode, plainRecipient: &a.Recipient,
		plainPhone: &a.Phone, plainStreet2: &a.Street2, plainState: &a.State, plainCountry: &a.Country, plainNote: &cmd.Note,
	} {
		*into, rest = rest[:len(p.texts[i])], rest[len(p.texts[i]):]
	}
}

// next returns the next byte that is not white space, without taking it; 0 at the end, or after a failure.
func (p *plainOrder) next() byte {
	for !p.failed && p.at < len(p.body) {
		switch c := p.body[p.at]; c {
		case ' ', '\t', '\n', '\r':
			p.at++
		default:
			return c
		}
	}
	return 0
}

// take takes the next byte, which must be the one given.
func (p *plainOrder) take(c byte) {
	if p.next() == c {
		p.at++
	} else {
		p.failed = true
	}
}

// open enters an object or an array, and reports whether it holds something.
func (p *plainOrder) open(begin, end byte) bool {
	p.take(begin)
	if p.next() == end {
		p.at++
		return false
	}
	return !p.failed
}

// more reports whether another value follows.
func (p *plainOrder) more(end byte) bool {
	if p.next() == end {
		p.at++
		return false
	}
	p.take(',')
	return !p.failed
}

// name reads the name of a member.
func (p *plainOrder) name() []byte {
	name := p.quoted()
	p.take(':')
	return name
}

// quoted reads a text, which is valid as long as the body.
func (p *plainOrder) quoted() []byte {
	p.take('"')
	rest, ascii := p.body[p.at:], true
	length := plainLength(rest)
	for length < len(rest) && rest[length] >= utf8.RuneSelf {
		ascii = false
		length++
		length += plainLength(rest[length:])
	}
	if length == len(rest) || rest[length] != '"' {
		p.failed = true
		return nil
	}
	p.at += length + 1
	p.failed = p.failed || !ascii && !utf8.Valid(rest[:length])
	return rest[:length:length]
}

func (p *plainOrder) id() commerce.ID {
	id, err := commerce.ParseID(p.quoted())
	p.failed = p.failed || err != nil
	return id
}

func (p *plainOrder) integer() (value int64) {
	p.next()
	begin := p.at
	for p.at < len(p.body) && p.body[p.at] >= '0' && p.body[p.at] <= '9' && p.at-begin <= integerDigitsMax {
		value = value*10 + int64(p.body[p.at]-'0')
		p.at++
	}
	digits := p.at - begin
	p.failed = p.failed || digits == 0 || digits > integerDigitsMax || digits > 1 && p.body[begin] == '0'
	return value
}
