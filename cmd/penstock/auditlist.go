package main

import (
	"context"
	"strconv"
	"strings"
	"time"
	"unicode"

	"github.com/penstock-dev/penstock/commerce"
	"github.com/penstock-dev/penstock/http/wire"
	"github.com/penstock-dev/penstock/persistence"
)

// auditListCommand prints an audit log.
type auditListCommand struct {
	auditFlags
	After uint64 `default:"0" placeholder:"N" help:"Begin behind the record with this number."`
	JSON  bool   `name:"json" help:"Print a JSON object a line, with everything that is hashed."`
}

// Help explains a line.
func (c *auditListCommand) Help() string {
	return "A line is a record: its number, when, who, what was done, to what, by which request, and from what to what. It says what is stored; \"penstock audit verify\" says whether to believe it."
}

// Run prints the records page by page.
func (c *auditListCommand) Run(ctx context.Context, p *process) error {
	return c.use(ctx, p, func(log persistence.AuditLog) error {
		var line []byte
		for after := c.After; ; {
			page, err := log.AuditRecords(ctx, after, persistence.PageMax)
			if err != nil || len(page) == 0 {
				return err
			}
			for i := range page {
				if c.JSON {
					line = append(wire.AppendAuditRecord(line[:0], &page[i]), '\n')
				} else {
					line = appendAuditLine(line[:0], &page[i])
				}
				p.printf("%s", line)
			}
			after = page[len(page)-1].Seq
		}
	})
}

func appendAuditLine(b []byte, r *commerce.AuditRecord) []byte {
	b = strconv.AppendUint(b, r.Seq, 10)
	b = append(b, ' ')
	b = r.At.UTC().AppendFormat(b, time.RFC3339)
	for _, text := range [...]string{r.Actor, string(r.Action), r.Target, r.Correlation} {
		b = append(b, ' ')
		b = append(b, visible(text)...)
	}
	if r.Before != "" {
		b = append(append(b, ' '), visible(r.Before)...)
	}
	if r.After != "" {
		b = append(append(b, " → "...), visible(r.After)...)
	}
	return append(b, '\n')
}

// visible writes a text so that it stays on its line, and is one word when it is empty.
func visible(text string) string {
	switch {
	case text == "":
		return "-"
	case strings.ContainsFunc(text, func(r rune) bool { return !unicode.IsPrint(r) }):
		return strconv.Quote(text)
	default:
		return text
	}
}
