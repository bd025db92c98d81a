package apifuzz

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/valyala/fasthttp"
)

// FaultKind says what an answer breaks.
type FaultKind string

// The kinds of faults.
const (
	FaultServerError FaultKind = "a server's own error"          // 5xx, other than a 503 that the document declares
	FaultStatus      FaultKind = "a status not in the document"  //
	FaultMedia       FaultKind = "a media type not in it"        //
	FaultBody        FaultKind = "a body that breaks its schema" //
	FaultHeader      FaultKind = "a header field is missing"     //
	FaultCode        FaultKind = "a code not in the document"    // of a problem
	FaultTaken       FaultKind = "what is not valid was taken"   //
	FaultRefused     FaultKind = "what is valid was refused"     //
	FaultAccess      FaultKind = "a credential that is too weak" // and was let in
	FaultLeak        FaultKind = "somebody else's order"         //
	FaultSilence     FaultKind = "no answer"                     //
)

// Fault is an answer that the document does not allow, and what was asked.
type Fault struct {
	Kind      FaultKind
	Operation string
	Detail    string
	Request   string
	Answer    string
}

// String tells all of it.
func (f *Fault) String() string {
	return fmt.Sprintf("%s: %s: %s\n--- asked\n%s\n--- answered\n%s", f.Operation, f.Kind, f.Detail, f.Request, f.Answer)
}

const mediaProblem = "application/problem+json"

// judge holds an answer against the document.
type judge struct {
	doc   *Document
	proof bool // everybody must prove who they are
	found func(kind FaultKind, detail string)
}

func (j *judge) judge(d *draft, a *answer) {
	if a.status >= 500 && a.status != fasthttp.StatusServiceUnavailable {
		j.found(FaultServerError, fmt.Sprintf("%d", a.status))
	}
	described := d.op.Answers[a.status]
	if described == nil {
		j.found(FaultStatus, fmt.Sprintf("%d; there are %v", a.status, statuses(d.op)))
		return
	}
	j.media(d, a, described)
	for _, name := range described.Required {
		if len(a.header.Peek(name)) == 0 {
			j.found(FaultHeader, fmt.Sprintf("%s, which every %d of this operation has", name, a.status))
		}
	}
	j.validity(d, a)
	j.access(d, a)
}

// stray judges what was asked at a path, or with a method, that the document may not have: whatever the
// answer is, it is no fault of the server's, and a problem is one.
func (j *judge) stray(a *answer) {
	if a.status >= 500 && a.status != fasthttp.StatusServiceUnavailable {
		j.found(FaultServerError, fmt.Sprintf("%d", a.status))
	}
	if a.media != mediaProblem || j.doc.problem == nil || len(a.body) == 0 {
		return
	}
	value, err := jsonschema.UnmarshalJSON(bytes.NewReader(a.body))
	if err == nil {
		err = j.doc.problem.Validate(value)
	}
	if err != nil {
		j.found(FaultBody, err.Error())
	}
}

func statuses(op *operation) []int {
	var all []int
	for status := range op.Answers {
		all = append(all, status)
	}
	slices.Sort(all)
	return all
}

// media checks the body's type, and what is in it.
func (j *judge) media(d *draft, a *answer, described *response) {
	if a.status == fasthttp.StatusNotModified || a.status == fasthttp.StatusNoContent || a.status == fasthttp.StatusSwitchingProtocols {
		return
	}
	schema, known := described.Types[string(a.header.ContentType())]
	if !known {
		schema, known = described.Types[a.media]
	}
	if !known {
		if schema, known = described.Types["*/*"]; !known {
			j.found(FaultMedia, fmt.Sprintf("%q; a %d has one of %v", a.media, a.status, sortedTypes(described)))
			return
		}
	}
	if d.method == fasthttp.MethodHead || a.cut || a.media != "application/json" && a.media != mediaProblem {
		return
	}
	value, err := jsonschema.UnmarshalJSON(bytes.NewReader(a.body))
	if err != nil {
		j.found(FaultBody, err.Error())
		return
	}
	if err := schema.Validate(value); err != nil {
		j.found(FaultBody, err.Error())
	}
	if a.media == mediaProblem {
		j.problem(a, described, value)
	}
}

func sortedTypes(described *response) []string {
	var all []string
	for kind := range described.Types {
		all = append(all, kind)
	}
	slices.Sort(all)
	return all
}

// problem checks that a problem says of itself what its answer says.
func (j *judge) problem(a *answer, described *response, value any) {
	problem, _ := value.(map[string]any)
	code, _ := problem["code"].(string)
	if !slices.Contains(described.Codes, code) {
		j.found(FaultCode, fmt.Sprintf("%q; a %d has one of %v", code, a.status, described.Codes))
	}
	if status, ok := problem["status"].(json.Number); !ok || status.String() != fmt.Sprint(a.status) {
		j.found(FaultBody, fmt.Sprintf("the problem says that its status is %v", problem["status"]))
	}
}

// validity checks that what the document allows is taken, and what it does not allow is not.
func (j *judge) validity(d *draft, a *answer) {
	faults := d.faults()
	switch {
	case faults != "" && a.status < 400:
		j.found(FaultTaken, fmt.Sprintf("%d, although %s", a.status, faults))
	case faults == "" && !d.unsure && slices.Contains([]int{400, 413, 414, 415, 431}, a.status):
		j.found(FaultRefused, fmt.Sprintf("%d", a.status))
	}
}

// access checks that nobody gets more than the credential is worth. What is refused may be refused for
// another reason first, as long as that does not depend on what is there.
func (j *judge) access(d *draft, a *answer) {
	if j.proof {
		refused := d.caller.may(d.op, d.ticket)
		before := slices.Contains([]int{400, 413, 414, 415, 421, 429, 431, 503}, a.status)
		if refused != 0 && a.status != refused && !before && (refused != 401 || a.status != 403) {
			j.found(FaultAccess, fmt.Sprintf("%s was answered %d, not %d", d.caller.Name, a.status, refused))
		}
	}
	if d.caller.Subject == "" || a.status >= 300 || d.ticket {
		return
	}
	var order struct {
		Customer *string `json:"customer_id"`
	}
	if json.Unmarshal(a.body, &order) == nil && order.Customer != nil && *order.Customer != d.caller.Subject {
		j.found(FaultLeak, fmt.Sprintf("%s was shown an order of %s", d.caller.Name, *order.Customer))
	}
}
