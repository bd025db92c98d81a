package storecopy

import (
	"context"
	"fmt"

	"github.com/penstock-dev/penstock/persistence"
)

// endAudit gives the copy's audit log the end that the source's has.
func (cfg *Config) endAudit(ctx context.Context) error {
	head, err := cfg.Source.AuditHead(ctx)
	if err != nil {
		return fmt.Errorf("read the end of the source's audit log: %w", err)
	}
	return cfg.Loader.EndAudit(ctx, head)
}

// compareAudit verifies both audit logs, which must come to the same. That somebody has tampered with the source's is
// told, and no reason not to copy: it can never be mended, and the copy keeps the trace.
func (cfg *Config) compareAudit(ctx context.Context, s *Summary) error {
	source, err := persistence.VerifyAudit(ctx, cfg.Source, persistence.AuditHead{}, nil)
	if err != nil {
		return fmt.Errorf("source: %w", err)
	}
	target, err := persistence.VerifyAudit(ctx, cfg.Target, persistence.AuditHead{}, nil)
	if err != nil {
		return fmt.Errorf("copy: %w", err)
	}
	if err := same("the audit log", outline(&source), outline(&target)); err != nil {
		return err
	}
	here, err := cfg.Source.AccessKeys(ctx)
	if err != nil {
		return fmt.Errorf("source: %w", err)
	}
	there, err := cfg.Target.AccessKeys(ctx)
	if err != nil {
		return fmt.Errorf("copy: %w", err)
	}
	for i := range min(len(here), len(there)) {
		if err := same("access key "+here[i].ID.String(), here[i], there[i]); err != nil {
			return err
		}
	}
	s.AccessKeys, s.AuditRecords = int64(len(here)), int64(source.Records)
	if source.Fault != nil {
		s.AuditFault = source.Fault.String()
	}
	return nil
}

// outline says what a verification found, for comparing.
func outline(r *persistence.AuditReport) string {
	return fmt.Sprintf("%d records that hold, up to %s, then %v", r.Records, r.Head, r.Fault)
}
