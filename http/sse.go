package http

import (
	"net"
	"strconv"

	"github.com/penstock-dev/penstock/access"
	"github.com/penstock-dev/penstock/actors"
	"github.com/penstock-dev/penstock/commerce"
	"github.com/penstock-dev/penstock/http/wire"
)

const (
	headerLastEventID    = "Last-Event-ID"
	contentTypeEvents    = "text/event-stream"
	eventStreamRetry     = "retry: 2000\n\n"
	eventStreamHeartbeat = ":\n\n"
)

func eventsRoute() Route {
	return Route{
		Method: "GET", Path: pathOrders + "/{id}/events", Operation: "orderEvents", Tag: "live",
		Policy: holders(commerce.ScopeOrdersRead), Class: access.ClassRead, Ticket: true,
		Summary: "Follows an order as Server-Sent Events: first the order as it is, then each committed event. " +
			"The data of an event is a message that /asyncapi.json describes.",
		Parameters: []Parameter{
			idParameter("order"), sinceParameter(),
			{
				Name: headerLastEventID, In: InHeader, Kind: KindInteger, Min: 0, Max: commerce.QuantityMax,
				Description: "The id of the last event you have got; like since_seq, and wins over it. " +
					"A browser that reconnects sends it by itself.",
			},
		},
		Answers: []Answer{{
			Status: 200, Type: contentTypeEvents, Description: "Events, for as long as you read them.",
		}},
		Problems: readProblems(commerce.CodeNotFound, codeTooManyRequests),
		Handle:   (*Server).orderEvents,
	}
}

// orderEvents answers with a stream that has no end of its own. The connection is taken over, as for a
// WebSocket.
func (s *Server) orderEvents(r *request) error {
	since := r.since()
	if sent := r.ctx.Request.Header.Peek(headerLastEventID); len(sent) > 0 {
		n, err := strconv.ParseUint(string(sent), 10, 63)
		if err != nil {
			return invalidParameter(headerLastEventID, "must be the number of an event")
		}
		since = &n
	}
	if r.ctx.IsHead() {
		return s.eventsHead(r)
	}
	sub, err := s.subscribers.admit(r, eventStream{})
	if err != nil {
		return err
	}
	ctx, cancel := s.query()
	defer cancel()
	order, subscription, err := s.cfg.Engine.FollowOrder(ctx, &r.by, r.id(), since, sub)
	if err != nil {
		s.subscribers.release(sub)
		return err
	}
	sub.subscription = subscription
	sub.mu.hello = r.appendEventsHeader(nil)
	if since == nil {
		hello := wire.AppendOrderMessage(appendEventHead(sub.mu.hello, order.Version), order)
		sub.mu.hello = append(hello, eventEnd...)
	}
	sub.conn.subscriber = sub
	r.ctx.HijackSetNoResponse(true)
	r.ctx.Hijack(func(c net.Conn) { sub.start(c) })
	return nil
}

// eventsHead answers HEAD: what a GET would begin with.
func (s *Server) eventsHead(r *request) error {
	ctx, cancel := s.query()
	defer cancel()
	if _, err := s.cfg.Engine.Order(ctx, &r.by, r.id()); err != nil {
		return err
	}
	r.ctx.Response.Header.SetCanonical(r.keys.cacheControl, r.keys.noStore)
	r.answer(200, contentTypeEvents, nil)
	return nil
}

// appendEventsHeader appends the answer's header. The stream ends with the connection, so that it needs
// no chunks.
func (r *request) appendEventsHeader(dst []byte) []byte {
	dst = append(dst, "HTTP/1.1 200 OK\r\nContent-Type: "+contentTypeEvents+"\r\nCache-Control: no-store\r\n"+
		"X-Accel-Buffering: no\r\nConnection: close\r\n"...)
	dst = r.appendOrigin(r.security.append(dst))
	dst = append(append(dst, "X-Correlation-Id: "...), r.correlation...)
	return append(dst, "\r\n\r\n"+eventStreamRetry...)
}

// eventStream follows one order.
type eventStream struct{}

func (eventStream) feed() bool { return false }

func (eventStream) appendUpdate(dst []byte, u *actors.Update) []byte {
	dst = wire.AppendUpdate(appendEventHead(dst, u.Seq), &u.Event)
	return append(dst, eventEnd...)
}

// eventEnd ends an event. Its data is one line, as package wire writes it.
const eventEnd = "\n\n"

func appendEventHead(dst []byte, id uint64) []byte {
	dst = append(dst, "id: "...)
	dst = strconv.AppendUint(dst, id, 10)
	return append(dst, "\ndata: "...)
}

// appendPing keeps the connection from looking dead to what stands between; a write that fails tells
// that the client has gone.
func (eventStream) appendPing(dst []byte) []byte { return append(dst, eventStreamHeartbeat...) }

func (eventStream) appendPong(dst, _ []byte) []byte { return dst }

// appendClose appends nothing: the stream ends, and the client comes back.
func (eventStream) appendClose(dst []byte, _ uint16, _ string) []byte { return dst }

func (eventStream) answersPings() bool { return false }

// read implements protocol. There is nothing to be said on this connection any more: a client that talks
// all the same is not listened to for long.
func (eventStream) read(s *subscriber, early []byte) {
	buf := make([]byte, frameBufferBytes)
	for read := len(early); read < s.live.cfg.HeaderMax; {
		n, err := s.conn.Conn.Read(buf)
		if err != nil {
			return
		}
		read += n
	}
}
