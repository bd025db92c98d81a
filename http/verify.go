package http

import (
	"context"
	"sync"
	"time"

	"github.com/penstock-dev/penstock/access"
	"github.com/penstock-dev/penstock/commerce"
	"github.com/penstock-dev/penstock/http/wire"
)

// verifyRetryAfter is when to ask again while another verification runs.
const verifyRetryAfter = 5 * time.Second

func verifyRoute() Route {
	return Route{
		Method: "POST", Path: pathAPI + "/admin/verify", Operation: "verify", Tag: "operation",
		Policy: holders(commerce.ScopeAdmin), Class: access.ClassWrite, Place: placeOperations,
		Summary: "Proves that the books add up, on one consistent view, beside running orders. One at a time.",
		Answers: []Answer{{
			Status: 200, Schema: "Report", Description: "What was found; ok says whether every sum is right.",
		}},
		Problems: []commerce.Code{codeTooManyRequests, commerce.CodeStoreUnavailable},
		Handle:   (*Server).verify,
	}
}

// verification is the one that runs, if one does.
type verification struct {
	mu struct {
		sync.Mutex
		cancel  context.CancelFunc // nil when none runs
		stopped bool               // no more are started
	}
}

// begin takes the one place there is.
func (v *verification) begin() (ctx context.Context, ok bool) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.mu.cancel != nil || v.mu.stopped {
		return nil, false
	}
	ctx, v.mu.cancel = context.WithCancel(context.Background())
	return ctx, true
}

func (v *verification) end() {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.mu.cancel()
	v.mu.cancel = nil
}

// stop ends the one that runs and refuses others: shutting down does not wait for minutes.
func (v *verification) stop() {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.mu.stopped = true
	if v.mu.cancel != nil {
		v.mu.cancel()
	}
}

func (s *Server) verify(r *request) error {
	ctx, ok := s.verification.begin()
	if !ok {
		return &commerce.Error{
			Code: codeTooManyRequests, RetryAfter: verifyRetryAfter,
			Detail: "a verification is running already; wait for it",
		}
	}
	defer s.verification.end()
	if err := s.recordAudit(r, commerce.AuditBooksVerified); err != nil {
		return err
	}
	report, err := s.cfg.Engine.Verify(ctx, nil)
	if err != nil {
		return err
	}
	r.buf = wire.AppendReport(r.buf[:0], report)
	return r.answerJSON(200)
}
