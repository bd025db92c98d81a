package http

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/penstock-dev/penstock/actors"
	"github.com/penstock-dev/penstock/commerce"
)

func TestTransitionOrders_OneOutcomeAStep(t *testing.T) {
	t.Parallel()
	s := setupShop(t)
	var steps []string
	for i := range 30 {
		o := s.place(t, "kim")
		to := "paid"
		switch i % 3 {
		case 1:
			to = "shipped" // not allowed yet
		case 2:
			to = "cancelled"
		}
		steps = append(steps, `{"order_id":"`+o.ID.String()+`","to":"`+to+`","reason":"bulk"}`)
	}
	steps = append(steps, `{"order_id":"`+sampleID(9).String()+`","to":"paid"}`)
	body := `{"transitions":[` + strings.Join(steps, ",") + `]}`
	var answer struct {
		Outcomes []struct {
			OrderID  string `json:"order_id"`
			Status   int    `json:"status"`
			Replayed bool   `json:"replayed"`
			Order    struct {
				ID     string `json:"id"`
				Status string `json:"status"`
			} `json:"order"`
			Problem struct {
				Code   string `json:"code"`
				Status int    `json:"status"`
			} `json:"problem"`
		} `json:"outcomes"`
		Done    int `json:"done"`
		Refused int `json:"refused"`
	}
	for _, replayed := range []bool{false, true} {
		a := s.do(t, call{"POST", pathOrders + "/transitions", body, []string{headerIdempotencyKey, "bulk-1", headerCaller, "clerk"}})
		require.Equal(t, 200, a.status, a.body)
		require.NoError(t, json.Unmarshal([]byte(a.body), &answer))
		require.Len(t, answer.Outcomes, 31)
		require.Equal(t, 20, answer.Done)
		require.Equal(t, 11, answer.Refused)
		for i, o := range answer.Outcomes {
			require.Contains(t, steps[i], o.OrderID, "outcomes come in the order of the steps")
			switch {
			case i == 30:
				require.Equal(t, 404, o.Status)
			case i%3 == 1:
				require.Equal(t, 409, o.Status)
				require.Equal(t, "invalid_transition", o.Problem.Code)
				require.Equal(t, 409, o.Problem.Status)
			default:
				require.Equal(t, 200, o.Status)
				require.Equal(t, o.OrderID, o.Order.ID)
				require.Equal(t, []string{"paid", "", "cancelled"}[i%3], o.Order.Status)
				require.Equal(t, replayed, o.Replayed)
			}
		}
	}
	// The timeline tells who and why.
	id, err := commerce.ParseID(answer.Outcomes[2].OrderID)
	require.NoError(t, err)
	_, events, err := s.engine.Timeline(t.Context(), everybody(), id)
	require.NoError(t, err)
	require.Len(t, events, 2)
	require.Equal(t, "clerk", events[1].Actor)
	require.Equal(t, "bulk", events[1].Reason)

	a := s.do(t, call{"POST", pathOrders + "/transitions", `{"transitions":[]}`, nil})
	require.Equal(t, 400, a.status)
}

// A panic in one step costs only that step.
func TestTransitionOrders_PanicOfOneStep(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	succeed := b.engine.transitionOrder
	b.engine.transitionOrder = func(cmd *commerce.TransitionOrder) (actors.OrderReceipt, error) {
		if cmd.Order == sampleID(2) {
			panic("a bug")
		}
		return succeed(cmd)
	}
	body := `{"transitions":[{"order_id":"` + sampleID(1).String() + `","to":"paid"},{"order_id":"` + sampleID(2).String() + `","to":"paid"}]}`
	a := b.do(t, call{"POST", pathOrders + "/transitions", body, nil})
	require.Equal(t, 200, a.status)
	require.Contains(t, a.body, `"done":1,"refused":1`)
	require.Contains(t, a.body, `"status":500`)
	require.NotContains(t, a.body, "a bug")
	require.Contains(t, b.log.String(), "a bug")
}
