package wire

import (
	"errors"
	"strconv"
	"strings"

	"github.com/penstock-dev/penstock/commerce"
)

// TransitionsMax bounds the orders that one request moves.
const TransitionsMax = 100

// Transitions reads steps of many orders: {"transitions":[{"order_id","to","note"?,…}]}. No order may be
// there twice: which step comes first would be chance. All steps get the caller and the key.
func (d *Decoder) Transitions(body []byte, caller commerce.Principal, key string) (cmds []*commerce.TransitionOrder, err error) {
	d.start(body)
	if d.open('{') {
		var seen fieldSet
		for d.more('}') && d.member() {
			switch string(d.name) {
			case "transitions":
				seen |= 1 << 0
				cmds = d.transitions()
			default:
				d.unknown("")
			}
		}
		d.close()
		d.require(seen, "transitions")
	}
	for _, cmd := range cmds {
		cmd.Caller, cmd.Key = caller, key
	}
	return cmds, d.finish(func() error { return validateTransitions(cmds) })
}

func (d *Decoder) transitions() (cmds []*commerce.TransitionOrder) {
	if !d.open('[') {
		return nil
	}
	for d.more(']') {
		if len(cmds) == TransitionsMax {
			d.stop("/transitions", "must hold at most "+strconv.Itoa(TransitionsMax)+" steps")
			return cmds
		}
		cmd := new(commerce.TransitionOrder)
		cmds = append(cmds, cmd)
		d.orderTransition(cmd)
	}
	d.close()
	return cmds
}

func (d *Decoder) orderTransition(cmd *commerce.TransitionOrder) {
	if !d.open('{') {
		return
	}
	var seen fieldSet
	for d.more('}') && d.member() {
		switch string(d.name) {
		case "order_id":
			seen |= 1 << 0
			d.id(&cmd.Order)
		case "to":
			seen |= 1 << 1
			d.status(&cmd.To)
		default:
			d.transitionText(cmd)
		}
	}
	d.close()
	d.require(seen, "order_id", "to")
}

// transitionText reads what a step says besides its state, by the member's name.
func (d *Decoder) transitionText(cmd *commerce.TransitionOrder) {
	switch string(d.name) {
	case "note":
		d.text(&cmd.Note)
	case "carrier":
		d.text(&cmd.Carrier)
	case "tracking_number":
		d.text(&cmd.TrackingNumber)
	case "reason":
		d.text(&cmd.Reason)
	default:
		d.unknown("")
	}
}

// validateTransitions gathers what commerce says of each step, and which orders are there twice.
func validateTransitions(cmds []*commerce.TransitionOrder) error {
	all := &commerce.Error{Code: commerce.CodeValidation, Detail: "the request is not valid"}
	if len(cmds) == 0 {
		all.Violations = append(all.Violations, commerce.Violation{Pointer: "/transitions", Detail: "must hold at least one step"})
	}
	first := make(map[commerce.ID]int, len(cmds))
	for i, cmd := range cmds {
		place := "/transitions/" + strconv.Itoa(i)
		if before, twice := first[cmd.Order]; twice {
			all.Violations = append(all.Violations, commerce.Violation{
				Pointer: place + "/order_id", Detail: "is the order of step " + strconv.Itoa(before) + " already",
			})
		} else {
			first[cmd.Order] = i
		}
		var refusal *commerce.Error
		if errors.As(cmd.Validate(), &refusal) {
			for _, v := range refusal.Violations {
				if strings.HasPrefix(v.Pointer, "/") {
					v.Pointer = place + v.Pointer
				} else if i > 0 {
					continue // of the key, which all steps have
				}
				all.Violations = append(all.Violations, v)
			}
		}
	}
	if len(all.Violations) == 0 {
		return nil
	}
	return all
}

// TransitionOutcome is what became of one step: the order, or the problem.
type TransitionOutcome struct {
	ID       commerce.ID
	Order    *commerce.Order
	Replayed bool
	Problem  *Problem // when it is refused
}

// AppendTransitionOutcomes appends one outcome a step, in the order of the steps.
func AppendTransitionOutcomes(dst []byte, outcomes []TransitionOutcome) []byte {
	dst = append(dst, `{"outcomes":[`...)
	done := 0
	for i := range outcomes {
		o := &outcomes[i]
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = append(dst, `{"order_id":`...)
		dst = appendID(dst, o.ID)
		if o.Problem != nil {
			dst = fieldInt(dst, "status", int64(o.Problem.Status))
			dst = append(AppendProblem(field(dst, "problem"), o.Problem), '}')
			continue
		}
		done++
		dst = fieldInt(dst, "status", 200)
		dst = fieldBool(dst, "replayed", o.Replayed)
		dst = append(AppendOrder(field(dst, "order"), o.Order), '}')
	}
	dst = append(dst, ']')
	dst = fieldInt(dst, "done", int64(done))
	dst = fieldInt(dst, "refused", int64(len(outcomes)-done))
	return append(dst, '}')
}
