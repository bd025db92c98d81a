package apifuzz_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/penstock-dev/penstock/internal/apifuzz"
)

// thingsDocument describes a server of things, which a test makes break it.
const thingsDocument = `{
  "openapi": "3.1.0",
  "paths": {
    "/things": {
      "get": {
        "operationId": "listThings", "security": [{"bearer": ["read"]}],
        "parameters": [{"name": "limit", "in": "query", "schema": {"type": "integer", "minimum": 1, "maximum": 9}}],
        "responses": {
          "200": {"description": "Things.", "content": {"application/json": {"schema": {"type": "array", "items": {"$ref": "#/components/schemas/Thing"}}}}},
          "400": {"description": "no", "x-codes": ["wrong"], "content": {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}},
          "401": {"description": "who", "x-codes": ["who"], "content": {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}},
          "403": {"description": "not you", "x-codes": ["not_you"], "content": {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}}
        }
      },
      "post": {
        "operationId": "makeThing", "security": [],
        "requestBody": {"required": true, "content": {"application/json": {"schema": {
          "type": "object", "additionalProperties": false, "required": ["name"],
          "properties": {"name": {"type": "string", "minLength": 1, "maxLength": 8, "pattern": "^[a-z]+$"}}}}}},
        "responses": {
          "201": {"description": "Made.", "headers": {"Location": {"$ref": "#/components/headers/Location"}},
            "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Thing"}}}},
          "400": {"description": "no", "x-codes": ["wrong"], "content": {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}},
          "415": {"description": "no", "x-codes": ["wrong"], "content": {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}}
        }
      }
    }
  },
  "components": {
    "headers": {"Location": {"required": true, "schema": {"type": "string"}}},
    "schemas": {
      "Thing": {"type": "object", "required": ["name", "customer_id"], "properties": {"name": {"type": "string"}, "customer_id": {"type": "string"}}},
      "Problem": {"type": "object", "required": ["code", "status"], "properties": {"code": {"type": "string"}, "status": {"type": "integer"}}}
    }
  }
}`

// things is a server that keeps to the document but for one flaw.
type things struct{ flaw string }

func (s things) refuse(w http.ResponseWriter, status int, code string) {
	w.Header().Set("Content-Type", "application/problem+json")
	w.WriteHeader(status)
	_, _ = fmt.Fprintf(w, `{"code":%q,"status":%d}`, code, status)
}

// ServeHTTP implements http.Handler.
func (s things) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	switch {
	case r.URL.Path != "/things":
		s.refuse(w, 404, "not_found")
	case r.Method == http.MethodPost:
		s.make(w, r)
	default:
		s.list(w, r)
	}
}

func (s things) list(w http.ResponseWriter, r *http.Request) {
	limits, asked := r.URL.Query()["limit"]
	limit := 1
	if asked {
		limit, _ = strconv.Atoi(limits[0])
	}
	good := len(limits) < 2 && limit >= 1 && limit <= 9 && (!asked || strconv.Itoa(limit) == limits[0])
	who := r.Header.Get("Authorization")
	switch {
	case who == "" && s.flaw != "lets everybody in":
		s.refuse(w, 401, "who")
	case who == "Bearer weak" && s.flaw != "asks for no scope":
		s.refuse(w, 403, "not_you")
	case !good && s.flaw == "breaks down":
		s.refuse(w, 500, "oh")
	case !good && s.flaw == "invents a status":
		s.refuse(w, 418, "teapot")
	case !good && s.flaw == "invents a code":
		s.refuse(w, 400, "odd")
	case !good && s.flaw != "takes anything":
		s.refuse(w, 400, "wrong")
	case s.flaw == "answers in prose":
		w.Header().Set("Content-Type", "text/plain")
		_, _ = io.WriteString(w, "things")
	case s.flaw == "forgets a field":
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, `[{"name":"a"}]`)
	default:
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, `[]`)
	}
}

func (s things) make(w http.ResponseWriter, r *http.Request) {
	text, _ := io.ReadAll(r.Body)
	var thing struct{ Name string }
	d := json.NewDecoder(strings.NewReader(string(text)))
	d.DisallowUnknownFields()
	strict := d.Decode(&thing) == nil && string(text) == fmt.Sprintf(`{"name":%q}`, thing.Name)
	named := thing.Name != "" && len(thing.Name) <= 8 && strings.Trim(thing.Name, "abcdefghijklmnopqrstuvwxyz") == ""
	switch {
	case s.flaw == "hangs up":
		panic(http.ErrAbortHandler)
	case r.Header.Get("Content-Type") != "application/json":
		s.refuse(w, 415, "wrong")
		return
	case !strict || !named || s.flaw == "refuses everything":
		s.refuse(w, 400, "wrong")
		return
	}
	if s.flaw != "forgets a header" {
		w.Header().Set("Location", "/things/1")
	}
	customer := "ann"
	if s.flaw == "shows what is others'" {
		customer = "bob"
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(201)
	_ = json.NewEncoder(w).Encode(map[string]string{"name": thing.Name, "customer_id": customer})
}

// A check that never fails proves nothing: each flaw is found, and a server without one has none.
func TestFlawsAreFound(t *testing.T) {
	t.Parallel()
	for flaw, kind := range map[string]apifuzz.FaultKind{
		"":                      "",
		"breaks down":           apifuzz.FaultServerError,
		"invents a status":      apifuzz.FaultStatus,
		"invents a code":        apifuzz.FaultCode,
		"takes anything":        apifuzz.FaultTaken,
		"answers in prose":      apifuzz.FaultMedia,
		"forgets a field":       apifuzz.FaultBody,
		"forgets a header":      apifuzz.FaultHeader,
		"refuses everything":    apifuzz.FaultRefused,
		"lets everybody in":     apifuzz.FaultAccess,
		"asks for no scope":     apifuzz.FaultAccess,
		"shows what is others'": apifuzz.FaultLeak,
		"hangs up":              apifuzz.FaultSilence,
	} {
		t.Run("a server that "+flaw, func(t *testing.T) {
			t.Parallel()
			server := httptest.NewUnstartedServer(things{flaw})
			server.Config.ErrorLog = nil
			server.Start()
			defer server.Close()
			document, err := apifuzz.Parse([]byte(thingsDocument))
			require.NoError(t, err)
			require.Equal(t, []string{"listThings", "makeThing"}, document.Operations())
			f := &apifuzz.Fuzzer{
				Document: document, Address: server.Listener.Addr().String(), Proof: true, Seed: 7, Workers: 2, Requests: 600,
				Callers: []apifuzz.Caller{
					{Name: "ann", Header: "Bearer strong", Subject: "ann", Scopes: []string{"read"}},
					{Name: "weak", Header: "Bearer weak", Subject: "ann"},
					{Name: "nobody", Nobody: true, Subject: "ann"},
				},
			}
			report, err := f.Run(t.Context())
			if flaw == "hangs up" {
				require.NotZero(t, report.Found[kind], report)
				return
			}
			require.NoError(t, err, report)
			for _, own := range []apifuzz.FaultKind{apifuzz.FaultMedia, apifuzz.FaultStatus} {
				if own != kind { // net/http answers what it cannot read in its own way
					delete(report.Found, own)
				}
			}
			if flaw == "" {
				require.Empty(t, report.Found, report)
				return
			}
			require.NotZero(t, report.Found[kind], report)
			require.Contains(t, report.String(), string(kind))
			require.Len(t, report.Found, 1, "nothing else is wrong: %s", report)
		})
	}
}

// The seed alone makes all choices.
func TestTheSameSeedAsksTheSame(t *testing.T) {
	t.Parallel()
	document, err := apifuzz.Parse([]byte(thingsDocument))
	require.NoError(t, err)
	once, again := document.Samples(3, nil), document.Samples(3, nil)
	require.Equal(t, once, again)
	require.Len(t, once, 2)
	require.NotEqual(t, once, document.Samples(4, nil))
}

func TestDocumentsThatCannotBeReadAreRefused(t *testing.T) {
	t.Parallel()
	for claim, text := range map[string]string{
		"not JSON":                "{",
		"an unknown header":       strings.Replace(thingsDocument, `"headers": {"Location": {"required"`, `"headers": {"Place": {"required"`, 1),
		"a broken pattern":        strings.Replace(thingsDocument, "^[a-z]+$", "^[a-z+$", 1),
		"a status that is none":   strings.Replace(thingsDocument, `"415"`, `"4xx"`, 1),
		"a schema that is none":   strings.Replace(thingsDocument, `"minimum": 1`, `"minimum": "1"`, 1),
		"a schema out of nowhere": strings.Replace(thingsDocument, `schemas/Thing"}}}}},`, `schemas/Nothing"}}}}},`, 1),
	} {
		_, err := apifuzz.Parse([]byte(text))
		require.Error(t, err, claim)
	}
}
