package http

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/penstock-dev/penstock/access"
	"github.com/penstock-dev/penstock/commerce"
	"github.com/penstock-dev/penstock/http/wire"
	"github.com/penstock-dev/penstock/persistence"
)

const pathKeys = pathAPI + "/admin/keys"

// Keys makes and ends API keys. Refusals are *commerce.Error.
type Keys interface {
	List(ctx context.Context) ([]persistence.AccessKey, error)
	Create(ctx context.Context, spec *access.KeySpec, by access.Cause) (*persistence.AccessKey, access.Secret, error)
	Rotate(ctx context.Context, id commerce.ID, grace time.Duration, by access.Cause) (*persistence.AccessKey, access.Secret, error)
	Revoke(ctx context.Context, id commerce.ID, by access.Cause) (*persistence.AccessKey, error)
}

var _ Keys = (*access.Keys)(nil)

// keyGraceDefault is how long the secret before lives on when nobody says.
const keyGraceDefault = 24 * time.Hour

// keyRoutes are for administrators, who may give away any scope: whoever may make keys can make one that may do
// everything.
func keyRoutes() []Route {
	route := func(method, path, operation, summary string, handle func(*Server, *request) error) Route {
		return Route{
			Method: method, Path: path, Operation: operation, Tag: "access", Summary: summary,
			Policy: holders(commerce.ScopeAdmin), Class: access.ClassWrite,
			Problems: []commerce.Code{codeKeysOff, commerce.CodeInvalidTransition}, Handle: handle,
		}
	}
	list := route("GET", pathKeys, "listKeys", "Lists API keys, ended ones too. What opens them is kept nowhere.", (*Server).listKeys)
	list.Class, list.Answers = access.ClassRead, []Answer{{Status: 200, Schema: "Keys", Description: "All keys, oldest first."}}
	list.Problems = []commerce.Code{codeKeysOff}
	create := route("POST", pathKeys, "createKey", "Makes an API key. It is shown only in this answer.", (*Server).createKey)
	create.Body = &Body{Schema: "CreateKey", Types: []string{contentTypeJSON}}
	create.Answers = []Answer{{Status: 201, Schema: "NewKey", Description: "The key."}}
	rotate := route("POST", pathKeys+"/{id}/rotate", "rotateKey", "Gives an API key a new secret. The one before lives on for a while.", (*Server).rotateKey)
	rotate.Parameters = []Parameter{idParameter("key")}
	rotate.Body = &Body{Schema: "RotateKey", Types: []string{contentTypeJSON}, Optional: true}
	rotate.Answers = []Answer{{Status: 200, Schema: "NewKey", Description: "The key with its new secret."}}
	revoke := route("DELETE", pathKeys+"/{id}", "revokeKey", "Ends an API key within a second, and whatever is open with it.", (*Server).revokeKey)
	revoke.Parameters = []Parameter{idParameter("key")}
	revoke.Answers = []Answer{{Status: 200, Schema: "Key", Description: "The key, which opens nothing any more."}}
	for _, r := range []*Route{&rotate, &revoke} {
		r.Problems = append(r.Problems, commerce.CodeNotFound)
	}
	return []Route{list, create, rotate, revoke}
}

// keysOf returns what keeps API keys, or the refusal of a server that has none.
func (s *Server) keysOf() (Keys, error) {
	if s.cfg.Keys == nil {
		return nil, &commerce.Error{Code: codeKeysOff, Detail: "this server keeps no API keys"}
	}
	return s.cfg.Keys, nil
}

func (r *request) cause() access.Cause {
	return access.Cause{Actor: r.by.Subject, Correlation: r.correlation}
}

func (s *Server) listKeys(r *request) error {
	keys, err := s.keysOf()
	if err != nil {
		return err
	}
	ctx, cancel := s.query()
	defer cancel()
	all, err := keys.List(ctx)
	if err != nil {
		return err
	}
	documents := make([]access.KeyDocument, len(all))
	for i := range all {
		documents[i] = access.DocumentOf(&all[i])
	}
	return r.answerEncoded(200, map[string]any{"keys": documents})
}

func (s *Server) createKey(r *request) error {
	keys, err := s.keysOf()
	if err != nil {
		return err
	}
	var wish wire.CreateKey
	if err := r.decoder.CreateKey(r.body(), &wish); err != nil {
		return err
	}
	ctx, cancel := s.query()
	defer cancel()
	key, secret, err := keys.Create(ctx, &access.KeySpec{
		Name: wish.Name, Subject: wish.Subject, Scopes: wish.Scopes, ExpiresAt: wish.ExpiresAt,
	}, r.cause())
	if err != nil {
		return err
	}
	return r.answerEncoded(201, newKeyDocument{access.DocumentOf(key), secret.Reveal()})
}

func (s *Server) rotateKey(r *request) error {
	keys, err := s.keysOf()
	if err != nil {
		return err
	}
	grace := int64(keyGraceDefault / time.Second)
	if len(r.body()) > 0 {
		if err := r.decoder.RotateKey(r.body(), &grace); err != nil {
			return err
		}
	}
	if most := int64(access.KeyGraceMax / time.Second); grace < 0 || grace > most {
		return &commerce.Error{
			Code: commerce.CodeValidation, Detail: "the request is not valid",
			Violations: []commerce.Violation{{Pointer: "/grace_seconds", Detail: fmt.Sprintf("must be an integer from 0 to %d", most)}},
		}
	}
	ctx, cancel := s.query()
	defer cancel()
	key, secret, err := keys.Rotate(ctx, r.id(), time.Duration(grace)*time.Second, r.cause())
	if err != nil {
		return err
	}
	return r.answerEncoded(200, newKeyDocument{access.DocumentOf(key), secret.Reveal()})
}

func (s *Server) revokeKey(r *request) error {
	keys, err := s.keysOf()
	if err != nil {
		return err
	}
	ctx, cancel := s.query()
	defer cancel()
	key, err := keys.Revoke(ctx, r.id(), r.cause())
	if err != nil {
		return err
	}
	return r.answerEncoded(200, access.DocumentOf(key))
}

// newKeyDocument is a key together with what opens it: the one answer that shows it.
type newKeyDocument struct {
	access.KeyDocument
	Key string `json:"key"`
}

// answerEncoded answers with a document of an administrator's, which is rare enough for reflection.
func (r *request) answerEncoded(status int, document any) error {
	text, err := json.Marshal(document)
	if err != nil {
		return fmt.Errorf("write the answer: %w", err)
	}
	r.buf = append(r.buf[:0], text...)
	return r.answerJSON(status)
}

func keySchemas() map[string]schema {
	moment := func(description string) schema {
		return schema{"type": []string{"string", "null"}, "format": "date-time", "description": description}
	}
	key := func() schema {
		return schema{
			"id":         idSchema("The key's id."),
			"name":       plainSchema("string", "Whose key it is, and what for."),
			"subject":    plainSchema("string", "Who acts when it is used."),
			"scopes":     scopesSchema(),
			"created_at": schema{"type": "string", "format": "date-time", "description": "When it was made."},
			"expires_at": moment("When it ends; null: never."),
			"revoked_at": moment("When it was ended; null: it was not."),
			"secrets": schema{
				"type": "array", "description": "What opens it: one secret, or two while it is being rotated.",
				"items": answerObject(schema{"expires_at": moment("When it ends before the key; null: with it.")}),
			},
			"version": plainSchema("integer", "How often it was changed, and made."),
		}
	}
	opened := key()
	opened["key"] = plainSchema("string", "What to send as Authorization: Bearer … It is shown only now.")
	return map[string]schema{
		"Key":    answerObject(key()),
		"NewKey": answerObject(opened),
		"Keys":   answerObject(schema{"keys": listSchema("Key")}),
		"CreateKey": requestObject(schema{
			"name":       withPattern(patternPrintable, textSchema(1, access.KeyNameMax, "Whose key it is, and what for.")),
			"subject":    withPattern(patternVisible, textSchema(1, commerce.UserIDMax, "Who acts when it is used, in visible ASCII characters.")),
			"scopes":     scopesSchema(),
			"expires_at": moment("When it ends; null, or left out: never."),
		}, "name", "subject", "scopes"),
		"RotateKey": requestObject(schema{
			"grace_seconds": schema{
				"type": "integer", "minimum": 0, "maximum": int(access.KeyGraceMax / time.Second), "default": int(keyGraceDefault / time.Second),
				"description": "How long the secret before lives on.",
			},
		}),
	}
}

func withPattern(pattern string, s schema) schema {
	s["pattern"] = pattern
	return s
}

func scopesSchema() schema {
	return schema{
		"type": "array", "minItems": 1, "items": schema{"type": "string", "enum": commerce.ScopesAll.Names()}, "description": "What it may do.",
	}
}
