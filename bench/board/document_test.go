package board

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/penstock-dev/penstock/bench"
	"github.com/penstock-dev/penstock/commerce"
)

const peersDocument = `{"environment":{"at":"2026-07-14T09:00:00Z","cpu":"AMD EPYC","cores":2,"stores":["postgres"]},"results":[
	{"engine":"penstock-postgres","scenario":"order","operations_per_second":10000,"cpu_us_per_operation":120,"latency_ms":{"p50":6,"p99":14,"p999":20,"max":40},"errors":0,
	 "rounds":[{"operations_per_second":9900,"cpu_us_per_operation":121},{"operations_per_second":10000,"cpu_us_per_operation":120},{"operations_per_second":10100,"cpu_us_per_operation":119}]},
	{"engine":"rowlock","scenario":"order","operations_per_second":1300,"cpu_us_per_operation":800,"latency_ms":{"p50":47,"p99":121,"p999":180,"max":260},"errors":2,"first_error":"deadlock"}]}`

func TestImport_KeepsAWholeDocument(t *testing.T) {
	t.Parallel()
	b := openTestBoard(t, "")
	id, err := b.Import([]byte(peersDocument), "V1 against V2")
	require.NoError(t, err)
	entry, err := b.Result(id)
	require.NoError(t, err)
	require.Equal(t, SourceImport, entry.Source)
	require.Equal(t, "V1 against V2", entry.Label)
	require.Equal(t, "2026-07-14T09:00:00Z", entry.At.Format("2006-01-02T15:04:05Z07:00"))
	var want bench.Document
	require.NoError(t, json.Unmarshal([]byte(peersDocument), &want))
	require.Equal(t, want, entry.Document)
}

func TestImport_RefusesWhatIsNoDocument(t *testing.T) {
	t.Parallel()
	b := openTestBoard(t, "")
	one := func(fields string) string { return `{"results":[{"engine":"e","scenario":"s",` + fields + `}]}` }
	many := `{"results":[` + strings.Repeat(`{"engine":"e","scenario":"s"},`, resultsMax) + `{"engine":"e","scenario":"s"}]}`
	for claim, document := range map[string]string{
		"nothing":                 "",
		"a list":                  "[]",
		"no results":              `{"environment":{},"results":[]}`,
		"too many results":        many,
		"a result without engine": `{"results":[{"scenario":"order"}]}`,
		"a name that is too long": fmt.Sprintf(`{"results":[{"engine":%q,"scenario":"order"}]}`, strings.Repeat("é", nameMax+1)),
		"a figure below zero":     one(`"operations_per_second":-1`),
		"a figure beyond bounds":  one(`"latency_ms":{"p99":1e300}`),
		"a round beyond bounds":   one(`"rounds":[{"operations_per_second":1e13}]`),
		"a round below zero":      one(`"rounds":[{"operations_per_second":1,"cpu_per_echo":-1}]`),
		"a result that is there":  `{"results":[{"engine":"e","scenario":"s"},{"engine":"e","scenario":"s"}]}`,
		"errors below zero":       one(`"errors":-1`),
		"a time of another age":   `{"environment":{"at":"0001-01-02T00:00:00Z"},"results":[{"engine":"e","scenario":"s"}]}`,
		"a name twice":            `{"results":[{"engine":"e","engine":"f","scenario":"s"}]}`,
		"a text that is no text":  "{\"results\":[{\"engine\":\"\xff\",\"scenario\":\"s\"}]}",
		"a document too long":     `{"results":[]}` + strings.Repeat(" ", DocumentMax),
	} {
		_, err := b.Import([]byte(document), "")
		require.ErrorIs(t, err, &commerce.Error{Code: commerce.CodeValidation}, claim)
	}
	_, kept := b.Results(1)
	require.Zero(t, kept)
}

func TestImport_SaysWhatIsWrong(t *testing.T) {
	t.Parallel()
	b := openTestBoard(t, "")
	const no = "the body is no document of penstock bench --json: "
	for document, want := range map[string]string{
		`{"results":[{"engine":5}]}`:                                    no + "results.engine cannot hold: number",
		`{"results":[{"latency_ms":{"p50":1e400}}]}`:                    no + "results.latency_ms.p50 cannot hold: number 1e400",
		`{"results":[{"errors":` + strings.Repeat("9", 100_000) + `}]}`: no + "results.errors cannot hold: number " + strings.Repeat("9", 53),
		`[]`:                               no + "it must be an object",
		`{"results":[{"operations":NaN}]}`: no + "invalid character 'N' looking for beginning of value",
	} {
		_, err := b.Import([]byte(document), "")
		var refusal *commerce.Error
		require.ErrorAs(t, err, &refusal)
		require.Equal(t, want, refusal.Detail)
	}
	_, err := b.Import([]byte(`{"environment":{"at":"`+strings.Repeat("9", 100_000)+`"},"results":[]}`), "")
	require.Less(t, len(err.Error()), 500, "it does not quote it all")
}
