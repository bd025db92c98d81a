package main

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/penstock-dev/penstock/access"
	"github.com/penstock-dev/penstock/commerce"
)

// keysCommands are what can be done about API keys.
type keysCommands struct {
	Create keysCreateCommand `cmd:"" help:"Make an API key, and print it this once."`
	List   keysListCommand   `cmd:"" help:"List API keys, those that have ended too."`
	Rotate keysRotateCommand `cmd:"" help:"Give an API key a new secret, and print it this once."`
	Revoke keysRevokeCommand `cmd:"" help:"End an API key, within a second and for ever."`
}

const keysHelp = "The store is the one that penstock serve would use with the same flags. A server may use a PostgreSQL database meanwhile, and heeds the change within a second. " +
	"An embedded store that is in use can only be reached through its server: give --target, and a key with the scope admin in PENSTOCK_KEY or --key-file."

// keysCreateCommand makes a key.
type keysCreateCommand struct {
	Name    string   `required:"" help:"What the key is for: a name for people."`
	Subject string   `required:"" help:"Who acts when it is used: the customer whose orders it places, or the name of a program or a member of staff."`
	Scope   []string `required:"" placeholder:"SCOPE" help:"What it may do; give it several times, or separate by commas: orders:read, orders:write, orders:cancel, orders:any, products:write, stock:write, analytics:read, exports:read, bench:run, admin."`
	Expires span     `placeholder:"SPAN" help:"After how long it ends by itself, like 90d or 12h. Without it the key never does."`

	keysPlace
}

// Help explains where keys are.
func (c *keysCreateCommand) Help() string {
	return "Only the key is printed to the standard output: penstock keys create … > key. What is kept of it cannot open anything, so that a lost key cannot be shown again. " + keysHelp
}

// Run makes a key and prints it.
func (c *keysCreateCommand) Run(ctx context.Context, p *process) error {
	spec := &access.KeySpec{Name: c.Name, Subject: c.Subject}
	for _, name := range c.Scope {
		scope, err := commerce.ParseScope(name)
		if err != nil {
			return &exitError{code: exitUsage, err: fmt.Errorf("--scope: %w", err)}
		}
		spec.Scopes |= scope
	}
	if c.Expires != 0 {
		spec.ExpiresAt = time.Now().Add(time.Duration(c.Expires))
	}
	return c.with(ctx, p, true, func(keys keyKeeper) error {
		key, secret, err := keys.create(ctx, spec)
		if err != nil {
			return err
		}
		fmt.Fprintf(p.stderr, "Key %s (%s) acts as %s and may do this: %s.\nIt ends: %s. Keep it safe; it is not shown again. Use it like this:\n  curl -H \"Authorization: Bearer $(cat key)\" …\n",
			key.ID, key.Name, key.Subject, strings.Join(key.Scopes, ", "), endText(key.ExpiresAt, "never by itself"))
		p.printf("%s\n", secret.Reveal())
		return nil
	})
}

// keysListCommand lists keys.
type keysListCommand struct {
	keysPlace
	JSON bool `name:"json" help:"Print the keys as JSON."`
}

// Help explains where keys are.
func (c *keysListCommand) Help() string { return keysHelp }

// Run lists the keys.
func (c *keysListCommand) Run(ctx context.Context, p *process) error {
	return c.with(ctx, p, false, func(keys keyKeeper) error {
		all, err := keys.list(ctx)
		if err != nil {
			return err
		}
		if c.JSON {
			return p.printJSON(keyList{Keys: all})
		}
		printKeys(p, all, time.Now())
		return nil
	})
}

// keyList is the list of keys as the API and the command line write it.
type keyList struct {
	Keys []access.KeyDocument `json:"keys"`
}

// keysRotateCommand gives a key a new secret.
type keysRotateCommand struct {
	ID    string `arg:"" help:"The key's id, as penstock keys list prints it."`
	Grace span   `default:"24h" placeholder:"SPAN" help:"How long the secret before lives on, like 24h or 7d; 0 ends it at once, and 30d is the most."`

	keysPlace
}

// Help explains how to rotate.
func (c *keysRotateCommand) Help() string {
	return "Both secrets work until the grace is over: give the new one to whoever uses the key meanwhile. Only the key is printed to the standard output. " + keysHelp
}

// Run rotates the key and prints it.
func (c *keysRotateCommand) Run(ctx context.Context, p *process) error {
	id, err := keyID(c.ID)
	if err != nil {
		return err
	}
	return c.with(ctx, p, false, func(keys keyKeeper) error {
		key, secret, err := keys.rotate(ctx, id, time.Duration(c.Grace))
		if err != nil {
			return err
		}
		before := "ended at once"
		if len(key.Secrets) > 1 {
			before = "ends at " + endText(key.Secrets[0].ExpiresAt, "no time")
		}
		fmt.Fprintf(p.stderr, "Key %s (%s) has a new secret; the one before %s. Keep it safe; it is not shown again.\n", key.ID, key.Name, before)
		p.printf("%s\n", secret.Reveal())
		return nil
	})
}

// keysRevokeCommand ends a key.
type keysRevokeCommand struct {
	ID string `arg:"" help:"The key's id, as penstock keys list prints it."`

	keysPlace
}

// Help explains what ends.
func (c *keysRevokeCommand) Help() string {
	return "Requests with the key are refused, sessions and sockets that it opened are closed. It cannot be taken back. " + keysHelp
}

// Run revokes the key.
func (c *keysRevokeCommand) Run(ctx context.Context, p *process) error {
	id, err := keyID(c.ID)
	if err != nil {
		return err
	}
	return c.with(ctx, p, false, func(keys keyKeeper) error {
		key, err := keys.revoke(ctx, id)
		if err != nil {
			return err
		}
		p.printf("%s (%s) was revoked at %s\n", key.ID, key.Name, endText(key.RevokedAt, "no time"))
		return nil
	})
}

// keyID reads the id of a key, which is a key without its secret: both are taken for it, but the key itself
// should not stand on a command line.
func keyID(text string) (commerce.ID, error) {
	if strings.HasPrefix(text, "pk_") {
		return commerce.ID{}, &exitError{
			code: exitUsage, err: errors.New("that is the key itself, and the id is wanted"),
			hint: `"penstock keys list" prints the ids. Whoever lists this machine's processes may have seen the key: rotate it.`,
		}
	}
	id, err := commerce.ParseID(text)
	if err != nil {
		return id, &exitError{code: exitUsage, err: fmt.Errorf("the key's id %w", err), hint: `"penstock keys list" prints the ids.`}
	}
	return id, nil
}

func printKeys(p *process, all []access.KeyDocument, now time.Time) {
	if len(all) == 0 {
		p.printf("there are no API keys\n")
		return
	}
	table := tabwriter.NewWriter(p.stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "ID\tSTATE\tSUBJECT\tNAME\tENDS\tSCOPES")
	for i := range all {
		k := &all[i]
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%s\t%s\n",
			k.ID, keyState(k, now), k.Subject, k.Name, endText(k.ExpiresAt, "never"), strings.Join(k.Scopes, " "))
	}
	_ = table.Flush() // to a stream that remembers its failure
}

// keyState says in a word whether a key can be used.
func keyState(k *access.KeyDocument, now time.Time) string {
	switch {
	case k.RevokedAt != nil:
		return "revoked"
	case k.ExpiresAt != nil && !now.Before(*k.ExpiresAt):
		return "expired"
	case len(k.Secrets) > 1 && k.Secrets[0].ExpiresAt != nil && now.Before(*k.Secrets[0].ExpiresAt):
		return "rotating"
	default:
		return "live"
	}
}

func endText(end *time.Time, never string) string {
	if end == nil {
		return never
	}
	return end.UTC().Format(time.RFC3339)
}

// span is a duration that may also be given in days, like 90d.
type span time.Duration

// UnmarshalText implements encoding.TextUnmarshaler.
func (s *span) UnmarshalText(text []byte) error {
	if days, ok := strings.CutSuffix(string(text), "d"); ok {
		n, err := strconv.ParseUint(days, 10, 16)
		if err != nil {
			return fmt.Errorf("%q is no number of days", text)
		}
		*s = span(time.Duration(n) * 24 * time.Hour)
		return nil
	}
	d, err := time.ParseDuration(string(text))
	if err != nil || d < 0 {
		return fmt.Errorf("%q is no span of time like 90d, 24h or 30m", text)
	}
	*s = span(d)
	return nil
}
