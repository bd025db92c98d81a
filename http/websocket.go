package http

import (
	"bytes"
	"encoding/base64"
	"errors"
	"slices"
	"strings"

	"github.com/fasthttp/websocket"
	"github.com/valyala/fasthttp"

	"github.com/penstock-dev/penstock/access"
	"github.com/penstock-dev/penstock/actors"
	"github.com/penstock-dev/penstock/commerce"
	"github.com/penstock-dev/penstock/http/wire"
)

func liveRoutes() []Route {
	follow := readProblems(codeUpgradeRequired, codeOriginRefused, codeTooManyRequests)
	return []Route{
		{
			Method: "GET", Path: pathOrders + "/updates", Operation: "followOrders", Tag: "live",
			Policy: holders(commerce.ScopeOrdersRead), Class: access.ClassRead, Ticket: true,
			Summary: "Follows all orders over a WebSocket: each committed event, with a cursor to go on from.",
			Parameters: []Parameter{
				{
					Name: "status", In: InQuery, Kind: KindWord, Words: statusWords(),
					Description: "Only events that brought an order into this state.",
				},
				{
					Name: "customer_id", In: InQuery, Kind: KindText, Max: commerce.UserIDMax,
					Description: "Only orders of this customer.",
				},
				{
					Name: "cursor", In: InQuery, Kind: KindStreamCursor,
					Description: "The cursor of the last message you have got: events follow it without a gap. " +
						"Without one they begin now.",
				},
			},
			Answers:  []Answer{{Status: 101, Description: "The messages that /asyncapi.json describes."}},
			Problems: append(slices.Clone(follow), codeCursorGone),
			Handle:   (*Server).followOrders,
		},
		{
			Method: "GET", Path: pathOrders + "/{id}/updates", Operation: "followOrder", Tag: "live",
			Policy: holders(commerce.ScopeOrdersRead), Class: access.ClassRead, Ticket: true,
			Summary:    "Follows an order over a WebSocket: first the order as it is, then each committed event.",
			Parameters: []Parameter{idParameter("order"), sinceParameter()},
			Answers:    []Answer{{Status: 101, Description: "The messages that /asyncapi.json describes."}},
			Problems:   append(slices.Clone(follow), commerce.CodeNotFound),
			Handle:     (*Server).followOrder,
		},
		eventsRoute(),
		asyncapiRoute(),
	}
}

func sinceParameter() Parameter {
	return Parameter{
		Name: "since_seq", In: InQuery, Kind: KindInteger, Min: 0, Max: commerce.QuantityMax,
		Description: "The number of the last event you have got: only those after it are sent, and the order " +
			"itself is not.",
	}
}

// since returns the number to resume after, or nil.
func (r *request) since() *uint64 {
	n := r.optionalNumber("since_seq")
	if n == nil {
		return nil
	}
	since := uint64(*n)
	return &since
}

// followOrder attaches to the order before it reads it, so that no event can fall in between.
func (s *Server) followOrder(r *request) error {
	if err := s.checkHandshake(r); err != nil {
		return err
	}
	sub, err := s.subscribers.admit(r, orderSocket{})
	if err != nil {
		return err
	}
	ctx, cancel := s.query()
	defer cancel()
	since := r.since()
	order, subscription, err := s.cfg.Engine.FollowOrder(ctx, &r.by, r.id(), since, sub)
	if err != nil {
		s.subscribers.release(sub)
		return err
	}
	sub.subscription = subscription
	if since == nil {
		r.buf = wire.AppendOrderMessage(r.buf[:0], order)
		sub.mu.hello = appendFrame(nil, opText, r.buf)
	}
	return s.upgrade(r, sub)
}

func (s *Server) followOrders(r *request) error {
	if err := s.checkHandshake(r); err != nil {
		return err
	}
	sub, err := s.subscribers.admit(r, feedSocket{})
	if err != nil {
		return err
	}
	q := actors.FeedQuery{Customer: r.value("customer_id").text}
	if v := r.value("status"); v.set {
		q.Status, _ = commerce.ParseStatus(v.text)
	}
	if v := r.value("cursor"); v.set {
		after, _ := wire.ParseStreamCursor(v.text) // checked before
		q.After = &after
	}
	ctx, cancel := s.query()
	defer cancel()
	from, subscription, err := s.cfg.Engine.FollowOrders(ctx, &r.by, q, sub)
	if err != nil {
		s.subscribers.release(sub)
		return err
	}
	sub.subscription = subscription
	r.buf = wire.AppendStart(r.buf[:0], from)
	sub.mu.hello = appendFrame(nil, opText, r.buf)
	return s.upgrade(r, sub)
}

// checkHandshake refuses what is not the handshake of a WebSocket, or comes from a page that may not ask.
// The library checks most of it once more, and forgives more.
func (s *Server) checkHandshake(r *request) error {
	header := &r.ctx.Request.Header
	if !r.ctx.IsGet() || !hasToken(header.PeekAll("Connection"), "upgrade") || !hasToken(header.PeekAll("Upgrade"), "websocket") {
		return s.upgradeRequired(r, "this path is for WebSockets: the request must ask for an upgrade")
	}
	if versions := header.PeekAll("Sec-WebSocket-Version"); len(versions) != 1 || string(versions[0]) != "13" {
		return s.upgradeRequired(r, "the version of the protocol must be 13")
	}
	if len(r.body()) > 0 {
		return &commerce.Error{Code: codeBadRequest, Detail: "the handshake of a WebSocket has no body"}
	}
	keys := header.PeekAll("Sec-WebSocket-Key")
	if len(keys) != 1 || !validChallenge(string(keys[0])) {
		return invalidParameter("Sec-WebSocket-Key", "must be 16 bytes in base64, sent once")
	}
	if !r.originAllowed() {
		return &commerce.Error{Code: codeOriginRefused, Detail: "pages of this origin may not follow orders here"}
	}
	return nil
}

func (s *Server) upgradeRequired(r *request, detail string) error {
	r.ctx.Response.Header.Set("Sec-WebSocket-Version", "13")
	r.ctx.Response.Header.Set("Upgrade", "websocket")
	return &commerce.Error{Code: codeUpgradeRequired, Detail: detail}
}

// hasToken reports whether a list of tokens, perhaps over several fields, has one; in any case.
func hasToken(fields [][]byte, token string) bool {
	for _, field := range fields {
		for part := range bytes.SplitSeq(field, []byte{','}) {
			if strings.EqualFold(string(bytes.TrimSpace(part)), token) {
				return true
			}
		}
	}
	return false
}

func validChallenge(key string) bool {
	raw, err := base64.StdEncoding.Strict().DecodeString(key)
	return err == nil && len(raw) == 16
}

// upgrade answers the handshake and hands the connection over. Of what the library makes of it only the
// connection is used: see frameReader.
func (s *Server) upgrade(r *request, sub *subscriber) error {
	sub.conn.subscriber = sub
	upgrader := websocket.FastHTTPUpgrader{
		CheckOrigin: func(*fasthttp.RequestCtx) bool { return true }, // checked before
		Error:       func(*fasthttp.RequestCtx, int, error) {},       // answered below
		// The library's buffers are not used, hence small.
		ReadBufferSize: 1, WriteBufferSize: 1,
	}
	err := upgrader.Upgrade(r.ctx, func(c *websocket.Conn) { sub.start(c.NetConn()) })
	if err != nil {
		sub.conn.subscriber = nil
		s.subscribers.release(sub)
		return &commerce.Error{Code: codeBadRequest, Detail: "the handshake of the WebSocket is not valid: " + err.Error()}
	}
	return nil
}

// socket is what both kinds of WebSocket have in common.
type socket struct{}

func (socket) appendPing(dst []byte) []byte { return appendFrame(dst, opPing, nil) }

func (socket) appendPong(dst, payload []byte) []byte { return appendFrame(dst, opPong, payload) }

func (socket) appendClose(dst []byte, code uint16, reason string) []byte {
	return appendClose(dst, code, reason)
}

func (socket) answersPings() bool { return true }

// read implements protocol. It ends when there is nothing more to be read: the client has gone, or was
// told to.
func (socket) read(s *subscriber, early []byte) {
	frames := &frameReader{from: s.conn.Conn, early: early}
	for {
		frame, err := frames.next()
		if err == nil {
			err = s.control(frame)
		}
		var refused *closeError
		switch {
		case err == nil:
		case errors.As(err, &refused):
			s.end(refused.code, refused.reason)
			s.discard(frames.buf[:])
			return
		default:
			return
		}
	}
}

// control takes a control frame. The error is the end of the conversation.
func (s *subscriber) control(frame control) error {
	s.heard.Store(true)
	if s.controls.Add(1) > controlsMax {
		return &closeError{code: websocket.ClosePolicyViolation, reason: "too many control frames"}
	}
	switch frame.op {
	case opPing:
		s.pong(frame.payload)
	case opClose:
		code, err := readClose(frame.payload)
		if err != nil {
			return err
		}
		return &closeError{code: code} // the same code comes back
	}
	return nil
}

// orderSocket follows one order.
type orderSocket struct{ socket }

func (orderSocket) feed() bool { return false }

func (orderSocket) appendUpdate(dst []byte, u *actors.Update) []byte {
	dst, from := openFrame(dst)
	return closeFrame(wire.AppendUpdate(dst, &u.Event), from, opText)
}

// feedSocket follows all orders. What is sent is the same for all who do.
type feedSocket struct{ socket }

func (feedSocket) feed() bool { return true }

func (feedSocket) appendUpdate(dst []byte, u *actors.Update) []byte {
	return append(dst, u.Text(feedFrame)...)
}

// feedFrameBytes is what most frames take.
const feedFrameBytes = 512

func feedFrame(u *actors.Update) []byte {
	dst, from := openFrame(make([]byte, 0, feedFrameBytes))
	return closeFrame(wire.AppendFeedUpdate(dst, &u.StreamEvent), from, opText)
}
