package main

import (
	"context"

	"github.com/penstock-dev/penstock/internal/progress"
	"github.com/penstock-dev/penstock/persistence"
)

// auditVerifyCommand proves that an audit log is what was written.
type auditVerifyCommand struct {
	auditFlags
	Head string `placeholder:"SEQ:HASH" help:"Where the log once ended, as an earlier run printed it: shows that its end was not cut off, and that it was not written anew."`
	JSON bool   `name:"json" help:"Print the result as JSON."`
}

// auditVerified is a result as it is printed.
type auditVerified struct {
	OK      bool        `json:"ok"`
	Records uint64      `json:"records"`         // that hold
	Head    string      `json:"head"`            // where they end
	Fault   *auditFault `json:"fault,omitempty"` // the first thing that is wrong
}

type auditFault struct {
	Seq    uint64 `json:"seq"`
	Detail string `json:"detail"`
}

// Help explains what is proved, and what needs an anchor.
func (c *auditVerifyCommand) Help() string {
	return "Each record holds the hash of the one before it. The head that is printed stands for the whole log: write it down where those who can change the store cannot, " +
		"and give it to --head later. Without it a log that was cut off, or written anew from some record on, is whole in itself. " +
		"The exit code is 1 when a record is wrong."
}

// Run verifies and prints what was found.
func (c *auditVerifyCommand) Run(ctx context.Context, p *process) error {
	var anchor persistence.AuditHead
	if c.Head != "" {
		var err error
		if anchor, err = persistence.ParseAuditHead(c.Head); err != nil {
			return &exitError{code: exitUsage, err: err, hint: "Give what an earlier run printed behind the word head."}
		}
	}
	return c.use(ctx, p, func(log persistence.AuditLog) error {
		bar := progress.Start(progress.Config{Out: p.stderr, Log: p.log, What: "verifying", Unit: "records"})
		report, err := persistence.VerifyAudit(ctx, log, anchor, func(records uint64) { bar.Set(int64(records), -1) })
		bar.Done()
		if err != nil {
			return err
		}
		return c.print(p, &report)
	})
}

func (c *auditVerifyCommand) print(p *process, report *persistence.AuditReport) error {
	result := auditVerified{OK: report.OK(), Records: report.Records, Head: report.Head.String()}
	if report.Fault != nil {
		result.Fault = &auditFault{report.Fault.Seq, report.Fault.Detail}
	}
	switch {
	case c.JSON:
		if err := p.printJSON(result); err != nil {
			return err
		}
	case report.OK():
		p.printf("checked %s records: the chain holds\nhead %s\n", progress.Count(int64(report.Records)), report.Head)
	default:
		p.printf("%s\n%s records before it hold\nhead %s\n", report.Fault, progress.Count(int64(report.Records)), report.Head)
	}
	if !report.OK() {
		return errNotWell
	}
	return nil
}
