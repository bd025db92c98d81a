package torture

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"time"

	"github.com/penstock-dev/penstock/commerce"
)

// worker is one customer and one merchant in the mixed load: a goroutine with a connection, a
// random source and a journal of everything that it was told. It alone writes the journal, and it
// alone gives commands on its orders and its own products, so that the journal says exactly in
// which states they may be found.
type worker struct {
	*market

	name    string
	rng     *rand.Rand
	client  *Client // of now; nil when disconnected
	journal journal
	keys    int
	writing bool      // the last command sent would change something
	sent    time.Time // when the last order was sent that was answered
	calm    bool      // the server can do everything: no answer may stay out, and none say "try again"
	rivals  bool      // another server may take the store over, which ends the work at this one
	hasty   bool      // hangs up and goes on when an answer takes long during an event
}

const (
	// restAfter503 is how long a worker waits after it was turned away.
	restAfter503 = 3 * time.Millisecond
	// hasteMax bounds the random time that a hasty worker waits for an answer during an event.
	hasteMax = 50 * time.Millisecond
)

// journal is what a worker was told. Doubts are commands without an answer; they are settled after
// the restart.
type journal struct {
	orders   []*order
	audited  int // orders[:audited] stood in an audit before
	adjusted map[commerce.ID]int64
	made     []*ownProduct
	doubts   []doubt

	refused int // for want of units
	undone  int // overloaded or unavailable: nothing happened
	unknown int // answered that the outcome is not known
	fenced  int // answered that another server has taken over: nothing happened
	hungUp  int // not waited for
	slowest time.Duration
}

// order is an order as the worker knows it.
type order struct {
	cmd     *commerce.PlaceOrder
	lines   []commerce.OrderLine // merged
	id      commerce.ID
	status  commerce.Status
	version uint64
	doubted bool // a transition of it is in doubt
}

type ownProduct struct {
	id      commerce.ID
	name    string
	version uint64
	onHand  int64
	doubted bool
}

// doubt is a command that may have been carried out. settle finds out, and reports whether it had
// been carried out although nobody was told.
type doubt struct {
	order     bool
	event     int64 // during which the answer stayed out; 0 when during none
	settle    func() (committed bool, err error)
	committed bool // found by settle
}

func newWorker(m *market, number int) *worker {
	return &worker{
		market:  m,
		name:    fmt.Sprintf("torture-%x-%d", m.seed, number),
		rng:     rand.New(rand.NewPCG(m.seed, uint64(number))),
		journal: journal{adjusted: make(map[commerce.ID]int64)},
	}
}

// work gives commands until stop is closed, an answer stays out (ErrLost) or, among rivals, another
// server has taken over (errFenced).
func (w *worker) work(ctx context.Context, stop <-chan struct{}) error {
	rest := time.NewTimer(restAfter503)
	defer rest.Stop()
	for {
		turnedAway := w.journal.undone + w.journal.unknown
		hurry := w.hasty && w.event.Load() != 0
		w.client.patience = answerTimeout
		if hurry {
			w.client.patience = time.Millisecond + time.Duration(w.rng.Int64N(int64(hasteMax)))
		}
		begin := time.Now()
		err := w.step()
		w.journal.slowest = max(w.journal.slowest, time.Since(begin))
		if hurry && errors.Is(err, os.ErrDeadlineExceeded) {
			w.journal.hungUp++
			err = w.client.reconnect(ctx)
		}
		if err != nil {
			return err
		}
		if w.journal.undone+w.journal.unknown > turnedAway {
			w.turnedAway.add(1)
			rest.Reset(restAfter503)
			select {
			case <-rest.C:
			case <-stop:
			}
		}
		select {
		case <-stop:
			return nil
		default:
		}
	}
}

// step draws one command and carries it out. It returns only ErrLost or errFenced; everything else
// that is not as promised is a fault.
func (w *worker) step() error {
	w.writing = true
	switch draw := w.rng.IntN(100); {
	case draw < 60:
		return w.place()
	case draw < 65:
		return w.replay()
	case draw < 79:
		return w.transition()
	case draw < 87:
		return w.adjust()
	case draw < 89:
		return w.create()
	case draw < 91:
		return w.rename()
	default:
		w.writing = false
		return w.read()
	}
}

func (w *worker) key() string {
	w.keys++
	return fmt.Sprintf("%s-%d", w.name, w.keys)
}

// product draws a product. The first few are wanted far more often than the rest.
func (w *worker) product() commerce.ID {
	if w.rng.IntN(3) == 0 {
		return w.products[w.rng.IntN(min(scarceProducts, len(w.products)))]
	}
	return w.products[w.rng.IntN(len(w.products))]
}

func (w *worker) place() error {
	var lines []commerce.OrderLine
	for range 1 + w.rng.IntN(2) {
		lines = append(lines, commerce.OrderLine{Product: w.product(), Quantity: 1 + w.rng.Int64N(3)})
	}
	return w.order(lines...)
}

func (w *worker) order(lines ...commerce.OrderLine) error {
	cmd := &commerce.PlaceOrder{
		Caller: commerce.Trusted(w.name), Key: w.key(), Lines: lines,
		Address: commerce.Address{Street: "1 Quay Street", City: "Galway", PostalCode: "H91 K2E4"},
	}
	sent := time.Now()
	answer, err := w.client.PlaceOrder(cmd)
	if err == nil {
		w.sent = sent
		w.stopwatch.note(sent)
	}
	if err == nil && answer.Replayed {
		w.faults.Add(FaultReplay, "a fresh key is answered as a replay: %s", cmd.Key)
	}
	if inDoubt(err) {
		w.doubt(doubt{order: true, settle: func() (bool, error) {
			answer, err := w.client.PlaceOrder(cmd)
			return answer.Replayed, w.placed(cmd, answer, err)
		}})
	}
	return w.placed(cmd, answer, err)
}

// placed notes what became of an order. It returns the error when there is still no answer.
func (w *worker) placed(cmd *commerce.PlaceOrder, answer OrderAnswer, err error) error {
	switch {
	case err == nil:
		o := &order{cmd: cmd, id: answer.ID, status: commerce.StatusPending, version: 1}
		o.lines, err = cmd.Merge()
		if err != nil {
			return fmt.Errorf("merge own order: %w", err)
		}
		w.compare(o, &answer)
		w.journal.orders = append(w.journal.orders, o)
		w.acknowledged.add(1)
	case code(err) == commerce.CodeInsufficientStock:
		w.journal.refused++
		w.checkRefusal(cmd, err)
	default:
		return w.unexpected("order "+cmd.Key, err)
	}
	return nil
}

// checkRefusal holds a refusal against the order: fewer units must be left than it asks for.
func (w *worker) checkRefusal(cmd *commerce.PlaceOrder, err error) {
	refusal, _ := errors.AsType[*commerce.Error](err)
	asked := int64(0)
	for _, line := range cmd.Lines {
		if line.Product == refusal.Product {
			asked += line.Quantity
		}
	}
	if refusal.Available < 0 || refusal.Available >= asked {
		w.faults.Add(FaultRefusal, "order %s was refused for product %s: %d units asked, %d available",
			cmd.Key, refusal.Product, asked, refusal.Available)
	}
}

// compare holds an answer that shows an order against the journal.
func (w *worker) compare(o *order, answer *OrderAnswer) {
	if answer.ID != o.id {
		w.faults.Add(FaultDoubled, "key %s has order %s and order %s", o.cmd.Key, o.id, answer.ID)
	}
	if answer.Status != o.status || answer.Version != o.version {
		w.faults.Add(FaultState, "order %s is %s at version %d, but answers made it %s at version %d",
			o.id, answer.Status, answer.Version, o.status, o.version)
	}
	same := slices.EqualFunc(answer.Lines, o.lines, func(a, b commerce.OrderLine) bool {
		return a.Product == b.Product && a.Quantity == b.Quantity
	})
	if !same {
		w.faults.Add(FaultState, "order %s has other items than its key %s asked for", o.id, o.cmd.Key)
	}
}

// replay sends the key of an order again: the first answer must come.
func (w *worker) replay() error {
	if len(w.journal.orders) == 0 {
		return nil
	}
	return w.checkReplay(w.journal.orders[w.rng.IntN(len(w.journal.orders))])
}

func (w *worker) checkReplay(o *order) error {
	answer, err := w.client.PlaceOrder(o.cmd)
	if err != nil {
		if code(err) == commerce.CodeInsufficientStock {
			w.faults.Add(FaultReplay, "key %s of order %s is answered: %v", o.cmd.Key, o.id, err)
			return nil
		}
		return w.unexpected(fmt.Sprintf("key %s of order %s, again", o.cmd.Key, o.id), err)
	}
	if !answer.Replayed {
		w.faults.Add(FaultReplay, "key %s of order %s is not answered as a replay", o.cmd.Key, o.id)
	}
	first := *o
	first.status, first.version = commerce.StatusPending, 1
	w.compare(&first, &answer)
	return nil
}

// transition moves one of the newer orders along, or cancels it.
func (w *worker) transition() error {
	o := w.recent()
	if o == nil {
		return w.place()
	}
	next := o.status.Next()
	if len(next) == 0 {
		return nil
	}
	cmd := &commerce.TransitionOrder{Caller: commerce.Trusted(w.name), Order: o.id, To: next[w.rng.IntN(len(next))]}
	if cmd.To == commerce.StatusCancelled {
		cmd.Reason = "torture"
	}
	if w.rng.IntN(2) == 0 {
		cmd.Key = w.key()
	}
	answer, err := w.client.TransitionOrder(cmd)
	if inDoubt(err) {
		o.doubted = true
		w.doubt(doubt{settle: func() (bool, error) { return w.settleTransition(o, cmd) }})
	}
	return w.transitioned(o, cmd, answer, err)
}

// recent draws one of the newest orders that is not in doubt, or nil.
func (w *worker) recent() *order {
	n := len(w.journal.orders)
	if n == 0 {
		return nil
	}
	o := w.journal.orders[n-1-w.rng.IntN(min(n, 200))]
	if o.doubted {
		return nil
	}
	return o
}

func (w *worker) transitioned(o *order, cmd *commerce.TransitionOrder, answer OrderAnswer, err error) error {
	if err != nil {
		return w.unexpected(fmt.Sprintf("order %s, which is %s, to %s", o.id, o.status, cmd.To), err)
	}
	o.doubted = false
	o.status, o.version = cmd.To, o.version+1
	w.compare(o, &answer)
	return nil
}

// settleTransition finds out about a transition: with its key, or without one by looking.
func (w *worker) settleTransition(o *order, cmd *commerce.TransitionOrder) (bool, error) {
	if cmd.Key != "" {
		answer, err := w.client.TransitionOrder(cmd)
		return answer.Replayed, w.transitioned(o, cmd, answer, err)
	}
	answer, err := w.client.Order(o.id)
	if err != nil {
		return false, w.unexpected("read of order "+o.id.String(), err)
	}
	o.doubted = false
	if answer.Version == o.version {
		w.compare(o, &answer)
		return false, nil
	}
	o.status, o.version = cmd.To, o.version+1
	w.compare(o, &answer)
	return true, nil
}

// read looks at something that the worker knows, or at a product.
func (w *worker) read() error {
	o := w.recent()
	switch draw := w.rng.IntN(10); {
	case draw < 4 && o != nil:
		answer, err := w.client.Order(o.id)
		if err != nil {
			return w.missing("order "+o.id.String(), err)
		}
		w.compare(o, &answer)
	case draw < 5:
		ids, _, err := w.client.Orders(w.since, "")
		if err != nil {
			return w.unexpected("list of orders", err)
		}
		if !slices.IsSortedFunc(ids, func(a, b commerce.ID) int { return b.Compare(a) }) {
			w.faults.Add(FaultState, "the list of orders is not sorted newest first")
		}
	default:
		answer, err := w.client.Product(w.product())
		if err != nil {
			return w.missing("product", err)
		}
		if !answer.Stock.Valid() {
			w.faults.Add(FaultOversold, "product %s: on_hand %d, allocated %d", answer.ID, answer.Stock.OnHand, answer.Stock.Allocated)
		}
	}
	return nil
}

func (w *worker) doubt(d doubt) {
	d.event = w.event.Load()
	w.journal.doubts = append(w.journal.doubts, d)
}

// unexpected sorts an error that no rule of the command explains: lost is returned, what promises
// that nothing was done is counted, what is in doubt has been noted, and the rest are faults.
func (w *worker) unexpected(what string, err error) error {
	switch {
	case errors.Is(err, ErrLost):
		return err
	case w.calm:
		w.faults.Add(FaultAnswer, "%s, although nothing is in the way: %v", what, err)
	case undone(err):
		w.journal.undone++
	case code(err) == commerce.CodeFenced && w.rivals:
		w.journal.fenced++
		return errFenced
	case inDoubt(err), code(err) == commerce.CodeIdempotencyInFlight:
		w.journal.unknown++
	default:
		w.faults.Add(FaultAnswer, "%s: %v", what, err)
	}
	return nil
}

// missing is unexpected for a read of something that must be there.
func (w *worker) missing(what string, err error) error {
	if code(err) == commerce.CodeNotFound {
		w.faults.Add(FaultLost, "%s was acknowledged and is not there", what)
		return nil
	}
	return w.unexpected(what, err)
}
