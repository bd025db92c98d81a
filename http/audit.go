package http

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/penstock-dev/penstock/access"
	"github.com/penstock-dev/penstock/commerce"
	"github.com/penstock-dev/penstock/http/wire"
)

const (
	auditPageMax     = 1000
	auditPageDefault = 100
)

func auditRoute() Route {
	return Route{
		Method: "GET", Path: pathAPI + "/admin/audit", Operation: "listAudit", Tag: "operation",
		Policy: holders(commerce.ScopeAdmin), Class: access.ClassRead, Place: placeOperations,
		Summary: "Shows the audit log, oldest first: what was done to products, stock, prices and keys, and by whom. Each record " +
			"names the hash of the one before it.",
		Parameters: []Parameter{
			{
				Name: "after", In: InQuery, Kind: KindInteger, Min: 0, Max: commerce.AmountMax, Default: "0",
				Description: "The number of the last record you have.",
			},
			{
				Name: "limit", In: InQuery, Kind: KindInteger, Min: 1, Max: auditPageMax, Default: "100",
				Description: "How many records at most.",
			},
		},
		Answers:  []Answer{{Status: 200, Schema: "AuditPage", Description: "Records, and where the log ends."}},
		Problems: readProblems(),
		Handle:   (*Server).listAudit,
	}
}

func (s *Server) listAudit(r *request) error {
	ctx, cancel := s.query()
	defer cancel()
	head, err := s.cfg.Engine.AuditHead(ctx)
	if err != nil {
		return err
	}
	after, limit := uint64(r.number("after", 0)), int(r.number("limit", auditPageDefault))
	records, err := s.cfg.Engine.AuditRecords(ctx, after, limit)
	if err != nil {
		return err
	}
	r.buf = wire.AppendAudit(r.buf[:0], records, head)
	return r.answerJSON(200)
}

// recordAudit writes down that something is about to be done that changes nothing in the store, with the query
// that asks for it. What cannot be written down is not done.
func (s *Server) recordAudit(r *request, action commerce.AuditAction) error {
	ctx, cancel := s.query()
	defer cancel()
	record := &commerce.AuditRecord{At: time.Now(), Actor: r.by.Subject, Action: action, Correlation: r.correlation}
	if query := r.ctx.URI().QueryString(); len(query) > 0 {
		text, err := json.Marshal(map[string]string{"query": string(query)})
		if err != nil {
			return fmt.Errorf("write down the query: %w", err)
		}
		record.After = string(text)
	}
	return s.cfg.Engine.RecordAudit(ctx, record)
}

func auditSchemas() map[string]schema {
	hash := func(description string) schema {
		return schema{"type": "string", "pattern": "^[0-9a-f]{64}$", "description": description}
	}
	change := func(description string) schema {
		return schema{"type": []string{"object", "null"}, "description": description}
	}
	return map[string]schema{
		"AuditPage": answerObject(schema{
			"records": listSchema("AuditRecord"),
			"head": answerObject(schema{
				"seq":  plainSchema("integer", "The number of the log's last record; 0: there is none."),
				"hash": hash("Its hash. Written down elsewhere, it tells later whether the log was cut or written anew."),
			}),
		}),
		"AuditRecord": answerObject(schema{
			"seq":            plainSchema("integer", "Its number: 1, 2, 3 without a gap."),
			"at":             schema{"type": "string", "format": "date-time", "description": "When it was done, to the microsecond."},
			"actor":          plainSchema("string", "Who did it."),
			"action":         plainSchema("string", "What was done, like stock.adjusted."),
			"target":         plainSchema("string", "The id of the product or key it was done to, or empty."),
			"before":         change("What it was."),
			"after":          change("What it is now, or what was asked for."),
			"correlation_id": plainSchema("string", "The correlation id of the request, or empty."),
			"previous":       hash("The hash of the record before; zeros for the first."),
			"hash":           hash("Its own: SHA-256 of all of the above."),
		}),
	}
}
