package apifuzz

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

// Document is an OpenAPI 3.1 document, ready to make requests from and to judge answers by.
type Document struct {
	operations []*operation
	schemas    map[string]shape // those of the components
	compiler   *jsonschema.Compiler
	problem    *jsonschema.Schema // what every refusal is; nil when the document does not say
	made       int                // schemas that were compiled
}

// shape is a JSON Schema as it stands in the document. Numbers are json.Number.
type shape map[string]any

// operation is one operation of the document.
type operation struct {
	ID         string
	Method     string
	Path       string // the template
	Parameters []parameter
	Body       *requestBody // nil: it reads none
	Answers    map[int]*response
	Ways       []string // the security schemes that it takes; none: it is open to everybody
	Scopes     []string // what a caller needs
}

type parameter struct {
	Name     string `json:"name"`
	In       string `json:"in"`
	Required bool   `json:"required"`
	Schema   shape  `json:"schema"`
	check    *jsonschema.Schema
}

type requestBody struct {
	Required bool
	Types    []string // media types
	Schema   shape
	check    *jsonschema.Schema
}

// response is what an operation may answer with under one status.
type response struct {
	Types    map[string]*jsonschema.Schema // by media type; none: there is no body
	Required []string                      // header fields that are always there
	Headers  []string                      // header fields that may be
	Codes    []string                      // of the problems among the answers
}

// The document's own form, as far as it is read.
type (
	rawContent map[string]struct {
		Schema shape `json:"schema"`
	}
	rawOperation struct {
		ID         string      `json:"operationId"`
		Parameters []parameter `json:"parameters"`
		Body       *struct {
			Required bool       `json:"required"`
			Content  rawContent `json:"content"`
		} `json:"requestBody"`
		Responses map[string]rawResponse `json:"responses"`
		Security  []map[string][]string  `json:"security"`
	}
	rawResponse struct {
		Codes   []string   `json:"x-codes"`
		Content rawContent `json:"content"`
		Headers map[string]struct {
			Reference string `json:"$ref"`
		} `json:"headers"`
	}
	rawDocument struct {
		Paths      map[string]map[string]rawOperation `json:"paths"`
		Components struct {
			Schemas map[string]shape `json:"schemas"`
			Headers map[string]struct {
				Required bool `json:"required"`
			} `json:"headers"`
		} `json:"components"`
	}
)

// documentName is how schemas name the document that they are in.
const documentName = "openapi.json"

// Parse reads a document. Its schemas are JSON Schema 2020-12, as OpenAPI 3.1 says.
func Parse(text []byte) (*Document, error) {
	var raw rawDocument
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.UseNumber()
	if err := decoder.Decode(&raw); err != nil {
		return nil, fmt.Errorf("read the API document: %w", err)
	}
	root, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		return nil, fmt.Errorf("read the API document: %w", err)
	}
	d := &Document{schemas: raw.Components.Schemas, compiler: jsonschema.NewCompiler()}
	d.compiler.DefaultDraft(jsonschema.Draft2020)
	d.compiler.AssertFormat()
	if err := d.compiler.AddResource(documentName, root); err != nil {
		return nil, fmt.Errorf("read the API document's schemas: %w", err)
	}
	if described, ok := d.schemas["Problem"]; ok {
		if d.problem, err = d.compile(described); err != nil {
			return nil, err
		}
	}
	for _, path := range slices.Sorted(maps.Keys(raw.Paths)) {
		for _, method := range slices.Sorted(maps.Keys(raw.Paths[path])) {
			op, err := d.operation(strings.ToUpper(method), path, &raw, raw.Paths[path][method])
			if err != nil {
				return nil, fmt.Errorf("read %s %s: %w", strings.ToUpper(method), path, err)
			}
			d.operations = append(d.operations, op)
		}
	}
	return d, nil
}

// Operations returns the names of all operations.
func (d *Document) Operations() []string {
	names := make([]string, len(d.operations))
	for i, op := range d.operations {
		names[i] = op.ID
	}
	return names
}

func (d *Document) operation(method, path string, all *rawDocument, raw rawOperation) (*operation, error) {
	op := &operation{ID: raw.ID, Method: method, Path: path, Parameters: raw.Parameters, Answers: make(map[int]*response)}
	for _, way := range raw.Security {
		for name, scopes := range way {
			op.Ways, op.Scopes = append(op.Ways, name), scopes
		}
	}
	var err error
	for i := range op.Parameters {
		p := &op.Parameters[i]
		if p.check, err = d.compile(p.Schema); err != nil {
			return nil, fmt.Errorf("parameter %s: %w", p.Name, err)
		}
	}
	if raw.Body != nil {
		if op.Body, err = d.body(raw.Body.Required, raw.Body.Content); err != nil {
			return nil, err
		}
	}
	for status, answer := range raw.Responses {
		code, err := strconv.Atoi(status)
		if err != nil {
			return nil, fmt.Errorf("status %q: %w", status, err)
		}
		if op.Answers[code], err = d.response(all, &answer); err != nil {
			return nil, fmt.Errorf("status %d: %w", code, err)
		}
	}
	return op, nil
}

func (d *Document) body(required bool, content rawContent) (*requestBody, error) {
	b := &requestBody{Required: required, Types: slices.Sorted(maps.Keys(content))}
	for _, kind := range b.Types {
		b.Schema = content[kind].Schema // all types hold the same
	}
	var err error
	if b.check, err = d.compile(b.Schema); err != nil {
		return nil, fmt.Errorf("body: %w", err)
	}
	return b, nil
}

func (d *Document) response(all *rawDocument, raw *rawResponse) (*response, error) {
	r := &response{Types: make(map[string]*jsonschema.Schema), Codes: raw.Codes}
	for kind, content := range raw.Content {
		schema, err := d.compile(content.Schema)
		if err != nil {
			return nil, err
		}
		r.Types[kind] = schema
	}
	for name, header := range raw.Headers {
		r.Headers = append(r.Headers, name)
		described, known := all.Components.Headers[strings.TrimPrefix(header.Reference, "#/components/headers/")]
		if !known {
			return nil, fmt.Errorf("header %s is described by %q, which is not there", name, header.Reference)
		}
		if described.Required {
			r.Required = append(r.Required, name)
		}
	}
	return r, nil
}

// compile makes a schema ready to judge values. It is a resource of its own, which refers to the document's.
func (d *Document) compile(s shape) (*jsonschema.Schema, error) {
	if err := d.checkPatterns(s); err != nil {
		return nil, err
	}
	d.made++
	name := "schema-" + strconv.Itoa(d.made) + ".json"
	if err := d.compiler.AddResource(name, absolute(map[string]any(s))); err != nil {
		return nil, fmt.Errorf("compile a schema: %w", err)
	}
	compiled, err := d.compiler.Compile(name)
	if err != nil {
		return nil, fmt.Errorf("compile a schema: %w", err)
	}
	return compiled, nil
}

// checkPatterns refuses a pattern that no text could be made from.
func (d *Document) checkPatterns(s shape) error {
	pattern, ok := d.resolve(s)["pattern"].(string)
	if !ok {
		return nil
	}
	if _, err := regexp.Compile(pattern); err != nil {
		return fmt.Errorf("pattern %q: %w", pattern, err)
	}
	return nil
}

// absolute returns a copy of a schema whose references name the document.
func absolute(value any) any {
	switch v := value.(type) {
	case shape:
		return absolute(map[string]any(v))
	case map[string]any:
		out := make(map[string]any, len(v))
		for name, inner := range v {
			if text, ok := inner.(string); ok && name == "$ref" {
				out[name] = documentName + text
				continue
			}
			out[name] = absolute(inner)
		}
		return out
	case []any:
		out := make([]any, len(v))
		for i := range v {
			out[i] = absolute(v[i])
		}
		return out
	}
	return value
}

// resolve follows a reference to a schema of the components.
func (d *Document) resolve(s shape) shape {
	for {
		reference, ok := s["$ref"].(string)
		if !ok {
			return s
		}
		s = d.schemas[strings.TrimPrefix(reference, "#/components/schemas/")]
	}
}

// inner returns a schema within a schema.
func inner(value any) shape {
	m, _ := value.(map[string]any)
	return m
}

// number returns an integer of a schema, or fallback when it does not say.
func (s shape) number(name string, fallback int64) int64 {
	if n, ok := s[name].(json.Number); ok {
		if i, err := n.Int64(); err == nil {
			return i
		}
	}
	return fallback
}

// kinds returns the types that a schema allows.
func (s shape) kinds() []string {
	switch t := s["type"].(type) {
	case string:
		return []string{t}
	case []any:
		var all []string
		for _, one := range t {
			if name, ok := one.(string); ok {
				all = append(all, name)
			}
		}
		return all
	}
	return nil
}
