package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/user"
	"time"

	"github.com/penstock-dev/penstock/access"
	"github.com/penstock-dev/penstock/commerce"
	"github.com/penstock-dev/penstock/internal/client"
	"github.com/penstock-dev/penstock/persistence"
	"github.com/penstock-dev/penstock/persistence/pebblestore"
	"github.com/penstock-dev/penstock/persistence/pgstore"
)

// keysPlace says where API keys are: in a store, or behind a running server.
type keysPlace struct {
	Target string `placeholder:"URL" help:"Base URL of a running server that is asked to do it. Without it the store is opened."`
	credentialFlags
	Store string `default:"pebble" placeholder:"KIND" help:"Kind of store: pebble (embedded) or postgres."`
	Data  string `default:"data" placeholder:"DIR" help:"Directory of the embedded store, which no process may use. penstock keys create makes it when it does not exist."`
	databaseFlags
}

// keyKeeper keeps API keys.
type keyKeeper interface {
	list(ctx context.Context) ([]access.KeyDocument, error)
	create(ctx context.Context, spec *access.KeySpec) (access.KeyDocument, access.Secret, error)
	rotate(ctx context.Context, id commerce.ID, grace time.Duration) (access.KeyDocument, access.Secret, error)
	revoke(ctx context.Context, id commerce.ID) (access.KeyDocument, error)
}

// with does something with the keys. An embedded store that does not exist is made when that is asked for.
func (c *keysPlace) with(ctx context.Context, p *process, makeStore bool, do func(keyKeeper) error) (err error) {
	if c.Target != "" {
		return c.withServer(p, do)
	}
	store, err := c.openStore(ctx, p.log, makeStore)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, store.Close()) }()
	err = do(&storeKeys{keys: access.NewKeys(store, p.log), by: access.Cause{Actor: operator()}})
	return c.judgeStore(err)
}

func (c *keysPlace) withServer(p *process, do func(keyKeeper) error) error {
	server, err := c.connect(p, c.Target, userDefault, 1)
	if err != nil {
		return err
	}
	defer server.Close()
	return judgeServer(do(&serverKeys{server: server}))
}

func (c *keysPlace) openStore(ctx context.Context, log *slog.Logger, makeStore bool) (persistence.Store, error) {
	flags := storeFlags{Store: c.Store, Data: c.Data, databaseFlags: c.databaseFlags}
	if err := flags.checkKind(); err != nil {
		return nil, err
	}
	log = log.With("logger", "store")
	if c.Store == storePostgres {
		return openPostgres(ctx, pgstore.Options{URL: c.DatabaseURL, Logger: log})
	}
	store, err := openPebble(ctx, pebblestore.Options{Dir: c.Data, MustExist: !makeStore, Logger: log})
	var failure *exitError
	if errors.As(err, &failure) && failure.code == exitUnavailable {
		failure.hint = "A server uses this store. Ask it to do this: give --target, and a key with the scope admin in PENSTOCK_KEY or --key-file."
	}
	return store, err
}

// judgeStore says what a failure of the store means for the command.
func (c *keysPlace) judgeStore(err error) error {
	var refusal *commerce.Error
	switch {
	case err == nil, errors.Is(err, context.Canceled):
		return err
	case errors.As(err, &refusal):
		return refused(refusal)
	case errors.Is(err, persistence.ErrUnknown):
		return &exitError{code: exitIO, err: err, hint: `Whether it was done is not known: "penstock keys list" tells. Revoke a key that you have not seen.`}
	case c.Store == storePostgres:
		if place, bad := pgstore.PlaceOf(c.DatabaseURL); bad == nil {
			return databaseError(err, place)
		}
	}
	return &exitError{code: exitIO, err: err}
}

// judgeServer says what a server's refusal means for the command.
func judgeServer(err error) error {
	var problem *client.ProblemError
	if !errors.As(err, &problem) {
		return err
	}
	switch problem.Status {
	case 401, 403:
		return &exitError{
			code: exitNotAllowed, err: err,
			hint: "The server wants a key with the scope admin: put it into PENSTOCK_KEY, or into a file for --key-file. Where no key is left, make one in the store itself, without --target.",
		}
	case 400, 422:
		return &exitError{code: exitUsage, err: err}
	case 404, 409:
		return &exitError{code: exitFailed, err: err}
	}
	return err
}

// refused is a refusal of ours as an end of the command.
func refused(refusal *commerce.Error) error {
	if refusal.Code == commerce.CodeValidation {
		err := errors.New(refusal.Detail)
		for _, v := range refusal.Violations {
			err = fmt.Errorf("%w: %s %s", err, v.Pointer[1:], v.Detail)
		}
		return &exitError{code: exitUsage, err: err}
	}
	return &exitError{code: exitFailed, err: errors.New(refusal.Detail)}
}

// operator is who works on a store by commands, for the audit log.
func operator() string {
	name := fmt.Sprint("uid ", os.Getuid())
	if who, err := user.Current(); err == nil && who.Username != "" {
		name = who.Username
	}
	host, err := os.Hostname()
	if err != nil {
		host = "unknown"
	}
	return "operator " + name + " on " + host
}

// storeKeys are the keys of a store that this process has opened.
type storeKeys struct {
	keys *access.Keys
	by   access.Cause
}

func (k *storeKeys) list(ctx context.Context) ([]access.KeyDocument, error) {
	all, err := k.keys.List(ctx)
	documents := make([]access.KeyDocument, len(all))
	for i := range all {
		documents[i] = access.DocumentOf(&all[i])
	}
	return documents, err
}

func (k *storeKeys) create(ctx context.Context, spec *access.KeySpec) (access.KeyDocument, access.Secret, error) {
	key, secret, err := k.keys.Create(ctx, spec, k.by)
	return documentOf(key), secret, err
}

func (k *storeKeys) rotate(ctx context.Context, id commerce.ID, grace time.Duration) (access.KeyDocument, access.Secret, error) {
	key, secret, err := k.keys.Rotate(ctx, id, grace, k.by)
	return documentOf(key), secret, err
}

func (k *storeKeys) revoke(ctx context.Context, id commerce.ID) (access.KeyDocument, error) {
	key, err := k.keys.Revoke(ctx, id, k.by)
	return documentOf(key), err
}

func documentOf(key *persistence.AccessKey) access.KeyDocument {
	if key == nil {
		return access.KeyDocument{}
	}
	return access.DocumentOf(key)
}

// serverKeys are the keys of a running server.
type serverKeys struct{ server *client.Client }

func (k *serverKeys) list(ctx context.Context) ([]access.KeyDocument, error) {
	var list keyList
	body, err := k.server.Keys(ctx)
	return list.Keys, readAnswer(body, err, &list)
}

func (k *serverKeys) create(ctx context.Context, spec *access.KeySpec) (access.KeyDocument, access.Secret, error) {
	document := struct {
		Name      string     `json:"name"`
		Subject   string     `json:"subject"`
		Scopes    []string   `json:"scopes"`
		ExpiresAt *time.Time `json:"expires_at,omitempty"`
	}{Name: spec.Name, Subject: spec.Subject, Scopes: spec.Scopes.Names()}
	if !spec.ExpiresAt.IsZero() {
		at := spec.ExpiresAt.UTC().Truncate(time.Second)
		document.ExpiresAt = &at
	}
	sent, err := json.Marshal(document)
	if err != nil {
		return access.KeyDocument{}, access.Secret{}, fmt.Errorf("write the key that is wanted: %w", err)
	}
	return readNewKey(k.server.CreateKey(ctx, sent))
}

func (k *serverKeys) rotate(ctx context.Context, id commerce.ID, grace time.Duration) (access.KeyDocument, access.Secret, error) {
	return readNewKey(k.server.RotateKey(ctx, id, grace))
}

func (k *serverKeys) revoke(ctx context.Context, id commerce.ID) (access.KeyDocument, error) {
	var key access.KeyDocument
	body, err := k.server.RevokeKey(ctx, id)
	err = readAnswer(body, err, &key)
	return key, err
}

// readNewKey reads a key together with what opens it.
func readNewKey(body []byte, err error) (access.KeyDocument, access.Secret, error) {
	var answer struct {
		access.KeyDocument

		Key string `json:"key"`
	}
	err = readAnswer(body, err, &answer)
	return answer.KeyDocument, access.NewSecret(answer.Key), err
}

func readAnswer(body []byte, err error, into any) error {
	if err != nil {
		return err
	}
	if err := json.Unmarshal(body, into); err != nil {
		return fmt.Errorf("read the server's answer: %w", err)
	}
	return nil
}
