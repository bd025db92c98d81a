package http

import (
	"sync"
	"time"

	"github.com/fasthttp/websocket"
)

// pingSlots is how many parts the time between two pings has. In each of them one part of the
// subscribers is pinged, so that they do not all answer at once.
const pingSlots = 64

// controlsMax is how many control frames a client may send between two pings of ours: it has to answer
// those, and may send some of its own.
const controlsMax = 100

// pingSlot holds the subscribers that are pinged at the same time.
type pingSlot struct {
	mu          sync.Mutex
	subscribers []*subscriber
}

func (p *pingSlot) add(s *subscriber) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.subscribers = append(p.subscribers, s)
	s.place = len(p.subscribers) // from 1: 0 is nowhere
}

// remove takes a subscriber out, if it is in.
func (p *pingSlot) remove(s *subscriber) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if s.place == 0 {
		return
	}
	last := len(p.subscribers) - 1
	moved := p.subscribers[last]
	p.subscribers[s.place-1], moved.place = moved, s.place
	p.subscribers[last] = nil
	p.subscribers, s.place = p.subscribers[:last], 0
}

// each calls do for each subscriber.
func (p *pingSlot) each(do func(*subscriber)) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, s := range p.subscribers {
		do(s)
	}
}

// tick is the goroutine that pings.
func (l *live) tick() {
	ticker := time.NewTicker(max(l.cfg.PingInterval/pingSlots, time.Millisecond))
	defer ticker.Stop()
	var dead []*subscriber
	for slot := 0; ; slot = (slot + 1) % pingSlots {
		select {
		case <-l.quit:
			return
		case <-ticker.C:
		}
		dead = dead[:0]
		l.slots[slot].each(func(s *subscriber) {
			if !s.ping() {
				dead = append(dead, s)
			}
		})
		for i, s := range dead { // without the slot's lock: closing takes a while
			s.cut(websocket.CloseAbnormalClosure)
			dead[i] = nil
		}
	}
}

// ping asks whether the client is there. It returns false when it did not answer the last time.
func (s *subscriber) ping() bool {
	heard := s.heard.Swap(false)
	s.controls.Store(0)
	s.mu.Lock()
	silent := s.mu.pinged && !heard && s.protocol.answersPings()
	s.mu.pinging, s.mu.pinged = true, true
	s.mu.Unlock()
	if silent {
		return false
	}
	s.Wake()
	return true
}
