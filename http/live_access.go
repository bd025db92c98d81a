package http

import (
	"time"

	"github.com/fasthttp/websocket"

	"github.com/penstock-dev/penstock/internal/planted"
)

// identityInterval is how often subscribers' credentials are looked at once more, because they end by
// themselves too. A revocation does not wait for it.
const identityInterval = time.Second

// watchIdentities is the goroutine that ends subscribers whose credentials have ended.
func (l *live) watchIdentities() {
	ticker := time.NewTicker(identityInterval)
	defer ticker.Stop()
	for {
		select {
		case <-l.quit:
			return
		case <-l.revoked:
		case <-ticker.C:
		}
		for i := range l.slots {
			l.slots[i].each(func(s *subscriber) {
				if s.identity != nil && !planted.Is(planted.SocketOutlivesKey) && !l.cfg.Access.Valid(s.identity) {
					s.end(websocket.ClosePolicyViolation, "the credential has expired or was revoked")
				}
			})
		}
	}
}

// identitiesChanged is told that credentials may have ended before their time. It returns at once.
func (l *live) identitiesChanged() {
	select {
	case l.revoked <- struct{}{}:
	default: // they are about to be looked at
	}
}
