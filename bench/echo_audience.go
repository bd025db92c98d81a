package bench

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/valyala/fasthttp"

	"github.com/penstock-dev/penstock/internal/subscriber"
)

// EchoedEvent is the event that an echo sends to the subscriber of an order that is moved.
type EchoedEvent struct {
	Order string `json:"order"` // the id of the order that the answers and the event are about
	Frame []byte `json:"frame"` // the event, as it came over the wire
}

// captureFollowed captures what an engine says when an order is placed, and when it is moved while it is followed.
func (b *benchmark) captureFollowed(ctx context.Context, e *engine, scenario *Scenario) ([]Echoed, error) {
	place := placeOrder(pickAny)
	placed, err := capture(ctx, e.process.Address, place.Source(e.catalog, b.stream(scenario, "captured"))(nil))
	if err != nil {
		return nil, err
	}
	var order struct {
		ID string `json:"id"`
	}
	_, body, _ := bytes.Cut(placed, []byte("\r\n\r\n"))
	if err := json.Unmarshal(body, &order); err != nil || order.ID == "" {
		return nil, fmt.Errorf("capture an order: the answer was %.300s", placed)
	}
	conn, err := net.DialTimeout("tcp", e.process.Address, captureTimeout)
	if err != nil {
		return nil, fmt.Errorf("capture an event: %w", err)
	}
	heard := &recording{Conn: conn}
	sub, err := subscriber.Open(heard, subscriber.UpdatesOf(order.ID))
	if err != nil {
		return nil, fmt.Errorf("capture an event: %w", err)
	}
	defer sub.Close()
	if _, err := sub.Next(captureTimeout); err != nil {
		return nil, fmt.Errorf("capture an order that is followed: %w", err)
	}
	heard.bytes.Reset()
	move := moveOrder()
	moved, err := capture(ctx, e.process.Address, AppendRequest(nil, &Request{
		Method: move.Method, Path: move.Path + order.ID + "/transitions", User: "bench", Body: moves()[0],
	}))
	if err != nil {
		return nil, err
	}
	if _, err := sub.Next(captureTimeout); err != nil {
		return nil, fmt.Errorf("capture an event: %w", err)
	}
	return []Echoed{
		{Method: place.Method, Path: place.Path, Answer: placed},
		{Method: move.Method, Path: move.Path, Answer: moved, Event: &EchoedEvent{Order: order.ID, Frame: heard.bytes.Bytes()}},
	}, nil
}

// recording keeps what is read from a connection.
type recording struct {
	net.Conn

	bytes bytes.Buffer
}

func (r *recording) Read(p []byte) (int, error) {
	n, err := r.Conn.Read(p)
	r.bytes.Write(p[:n])
	return n, err
}

// echoAudience is an echo with subscribers: it knows who follows which order, and nothing else of either. Bytes
// are the captured ones but for the order's id and the event's number.
type echoAudience struct {
	placed, moved *echoed
	event         *EchoedEvent
	orders        atomic.Uint64
	sockets       sync.Map // *echoSocket by the order's id
}

// echoSocket is one subscriber of the echo.
type echoSocket struct {
	mu struct {
		sync.Mutex
		conn  net.Conn
		frame []byte
		seq   int // place of the event's number in it
	}
}

// newEchoAudience returns nil when no event was captured.
func newEchoAudience(answers []Echoed, parsed []*echoed) (*echoAudience, error) {
	if len(answers) != 2 || answers[1].Event == nil {
		return nil, nil //nolint:nilnil // there is none, and that is no error
	}
	event := answers[1].Event
	if !bytes.Contains(event.Frame, []byte(seqBefore)) || !bytes.Contains(event.Frame, []byte(event.Order)) {
		return nil, errors.New("the event to echo tells neither order nor number")
	}
	return &echoAudience{placed: parsed[0], moved: parsed[1], event: event}, nil
}

// seqBefore is what stands before an event's number, which has one digit.
const seqBefore = `"seq":`

// handle is its handler.
func (a *echoAudience) handle(ctx *fasthttp.RequestCtx) {
	rest, below := strings.CutPrefix(string(ctx.Path()), a.moved.path)
	order, what, _ := strings.Cut(rest, "/")
	switch {
	case !below:
		a.place(ctx)
	case what == "updates":
		ctx.SetStatusCode(fasthttp.StatusSwitchingProtocols)
		ctx.Response.Header.Set("Upgrade", "websocket")
		ctx.Response.Header.Set("Connection", "Upgrade")
		ctx.Hijack(func(conn net.Conn) { a.follow(order, conn) })
	default:
		a.moved.give(ctx)
		if socket, ok := a.sockets.Load(order); ok {
			socket.(*echoSocket).tell() //nolint:forcetypeassert // nothing else is kept
		}
	}
}

// place gives the captured order another id.
func (a *echoAudience) place(ctx *fasthttp.RequestCtx) {
	a.placed.give(ctx)
	id := fmt.Sprintf("%0*x", len(a.event.Order), a.orders.Add(1))
	ctx.Response.SetBodyRaw(bytes.ReplaceAll(a.placed.body, []byte(a.event.Order), []byte(id)))
}

// follow is a subscriber from its beginning to its end. It is told of its order by an event of the same bytes.
func (a *echoAudience) follow(order string, conn net.Conn) {
	socket := new(echoSocket)
	socket.mu.conn = conn
	socket.mu.frame = bytes.ReplaceAll(a.event.Frame, []byte(a.event.Order), []byte(order))
	socket.mu.seq = bytes.Index(socket.mu.frame, []byte(seqBefore)) + len(seqBefore)
	socket.mu.frame[socket.mu.seq] = '0'
	a.sockets.Store(order, socket)
	defer a.sockets.Delete(order)
	socket.tell()
	_, _ = io.Copy(io.Discard, conn) // until it leaves
}

// tell sends the next event.
func (s *echoSocket) tell() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.mu.frame[s.mu.seq]++
	_, _ = s.mu.conn.Write(s.mu.frame) // who has left is not told
}
