package access

import (
	"errors"
	"fmt"
	"math"
	"time"

	"golang.org/x/time/rate"
)

// Rates are the settings of a Limiter: requests a second. The zero value of a field means its default.
type Rates struct {
	// Now is the clock that rates are counted by; time.Now when nil.
	Now func() time.Time

	Read       int `default:"1000" doc:"requests a second that a caller may read with; negative: any number. Twice as many may come at once, here and below"`
	Write      int `default:"200" doc:"requests a second that a caller may change something with; negative: any number"`
	Export     int `default:"1" doc:"exports a second that a caller may begin; negative: any number"`
	Analytics  int `default:"5" doc:"questions a second about sales that a caller may ask; negative: any number"`
	Refused    int `default:"10" doc:"credentials a second from one address that may be refused; negative: any number"`
	CallersMax int `default:"100000" doc:"callers whose rates are remembered, each kind of request by itself; the longest idle ones are forgotten first"`
}

// EnsureDefaults fills in the defaults.
func (r *Rates) EnsureDefaults() {
	if r.Now == nil {
		r.Now = time.Now
	}
	setDefault(&r.Read, 1000)
	setDefault(&r.Write, 200)
	setDefault(&r.Export, 1)
	setDefault(&r.Analytics, 5)
	setDefault(&r.Refused, 10)
	setDefault(&r.CallersMax, 100_000)
}

// Validate returns an error that lists every fault, or nil.
func (r *Rates) Validate() error {
	var faults []error
	for class, perSecond := range r.byClass() {
		if perSecond > rateMax {
			faults = append(faults, fmt.Errorf("the rate of %s is %d; it must be at most %d", Class(class), perSecond, rateMax))
		}
	}
	if r.CallersMax < 1 || r.CallersMax > remembersTo {
		faults = append(faults, fmt.Errorf("CallersMax is %d; it must be from 1 to %d", r.CallersMax, remembersTo))
	}
	return errors.Join(faults...)
}

// rateMax bounds a rate. Beyond it a bucket would be a number and no limit.
const rateMax = 1_000_000_000

func (r *Rates) byClass() [classes]int {
	return [classes]int{
		ClassRead: r.Read, ClassWrite: r.Write, ClassExport: r.Export, ClassAnalytics: r.Analytics, ClassRefused: r.Refused,
	}
}

// Limiter says how often each caller may do what: a token bucket for each caller and class, which holds two
// seconds of requests. It counts on this node only. It is safe for concurrent use.
type Limiter struct {
	rates   [classes]int
	now     func() time.Time
	callers *recent[callerClass, *rate.Limiter]
}

// callerClass is whose bucket it is, and what for. They are apart so that a caller costs memory for what it does.
type callerClass struct {
	caller string
	class  Class
}

// NewLimiter makes a limiter. REQUIRES: the rates are valid.
func NewLimiter(rates Rates) *Limiter {
	rates.EnsureDefaults()
	return &Limiter{rates: rates.byClass(), now: rates.Now, callers: newRecent[callerClass, *rate.Limiter](rates.CallersMax)}
}

// Take counts one request of a caller in a class, and says whether it may be done. The caller's text is kept.
func (l *Limiter) Take(caller string, class Class) Decision {
	if class >= classes || l.rates[class] <= 0 {
		return Decision{Allowed: true}
	}
	perSecond := l.rates[class]
	bucket := l.callers.getOrPut(callerClass{caller, class}, func() *rate.Limiter {
		return rate.NewLimiter(rate.Limit(perSecond), burstOf(perSecond))
	})
	now := l.now()
	allowed := bucket.AllowN(now, 1)
	left := bucket.TokensAt(now)
	d := Decision{
		Allowed: allowed, Limit: perSecond, Remaining: max(0, int(left)),
		Reset: untilTokens(float64(burstOf(perSecond))-left, perSecond),
	}
	if !allowed {
		d.RetryAfter = untilTokens(1-left, perSecond)
	}
	return d
}

func burstOf(perSecond int) int { return 2 * perSecond }

// untilTokens returns how long it takes until so many more requests may come.
func untilTokens(missing float64, perSecond int) time.Duration {
	return time.Duration(math.Ceil(max(0, missing) / float64(perSecond) * float64(time.Second)))
}
