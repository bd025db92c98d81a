package http

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/penstock-dev/penstock/commerce"
)

// fakeBenchmarks answers with what a test gives it, and notes what it was asked.
type fakeBenchmarks struct {
	calls   []string
	err     error
	running bool
}

func (f *fakeBenchmarks) note(format string, args ...any) {
	f.calls = append(f.calls, fmt.Sprintf(format, args...))
}

func (f *fakeBenchmarks) Start(run BenchmarkRun) (commerce.ID, error) {
	f.note("start %s %d %d %s", run.Type, run.Iterations, run.Connections, run.Duration)
	return sampleID(7), f.err
}

func (f *fakeBenchmarks) Cancel() error {
	f.note("cancel")
	return f.err
}

func (f *fakeBenchmarks) Progress() ([]byte, error) { return []byte(`{"run":null}`), nil }

func (f *fakeBenchmarks) Results(limit int) ([]byte, error) {
	f.note("results %d", limit)
	return []byte(`{"results":[],"kept":0}`), f.err
}

func (f *fakeBenchmarks) Result(id commerce.ID) ([]byte, bool, error) {
	f.note("result %s", id)
	return []byte(`{"id":"` + id.String() + `"}`), f.running, f.err
}

func (f *fakeBenchmarks) Import(document []byte, label string) (commerce.ID, error) {
	f.note("import %s as %q", document, label)
	return sampleID(8), f.err
}

func (f *fakeBenchmarks) Compare(baseline, current commerce.ID) ([]byte, error) {
	f.note("compare %s %s", baseline, current)
	return []byte(`{"lines":[]}`), f.err
}

func setupBenchmarks(t *testing.T) (*testBundle, *fakeBenchmarks) {
	t.Helper()
	fake := new(fakeBenchmarks)
	return setup(t, func(c *Config) { c.Benchmarks = fake }), fake
}

func TestBenchmarks_HandOnWhatIsAsked(t *testing.T) {
	t.Parallel()
	one, two := sampleID(1).String(), sampleID(2).String()
	for _, c := range []struct {
		call   call
		status int
		want   string
	}{
		{call{"POST", pathBenchmarks + "/run?benchmark_type=order&iterations=100", "", nil}, 202, "start order 100 16 30s"},
		{call{"POST", pathBenchmarks + "/run?benchmark_type=product", "", nil}, 202, "start product 1000 16 30s"},
		{call{"POST", pathBenchmarks + "/run?benchmark_type=mixed&connections=256&seconds=60&iterations=100000", "", nil}, 202, "start mixed 100000 256 1m0s"},
		{call{"DELETE", pathBenchmarks + "/run", "", nil}, 202, "cancel"},
		{call{"GET", pathBenchmarks + "/progress", "", nil}, 200, ""},
		{call{"GET", pathBenchmarks + "/results", "", nil}, 200, "results 10"},
		{call{"GET", pathBenchmarks + "/results?limit=200", "", nil}, 200, "results 200"},
		{call{"GET", pathBenchmarks + "/results/" + one, "", nil}, 200, "result " + one},
		{call{"GET", pathBenchmarks + "/compare?baseline=" + one + "&current=" + two, "", nil}, 200, "compare " + one + " " + two},
		{call{"POST", pathBenchmarks + "/results?label=V1", `{"results":[]}`, nil}, 201, `import {"results":[]} as "V1"`},
	} {
		b, fake := setupBenchmarks(t)
		a := b.do(t, c.call)
		require.Equal(t, c.status, a.status, "%s: %s", c.call.path, a.body)
		require.Contains(t, a.field("Content-Type"), "application/json")
		require.Equal(t, "no-store", a.field("Cache-Control"))
		require.Contains(t, strings.Join(fake.calls, "\n"), c.want)
	}
}

func TestBenchmarks_SayWhereAResultWillBe(t *testing.T) {
	t.Parallel()
	b, fake := setupBenchmarks(t)
	a := b.do(t, call{"POST", pathBenchmarks + "/run?benchmark_type=order", "", nil})
	require.Equal(t, pathBenchmarks+"/results/"+sampleID(7).String(), a.field("Location"))
	fake.running = true
	a = b.do(t, call{"GET", a.field("Location"), "", nil})
	require.Equal(t, 202, a.status)
	require.Equal(t, "1", a.field("Retry-After"))
	fake.running = false
	a = b.do(t, call{"POST", pathBenchmarks + "/results", `{"results":[]}`, nil})
	require.Equal(t, pathBenchmarks+"/results/"+sampleID(8).String(), a.field("Location"))
}

func TestBenchmarks_Refuse(t *testing.T) {
	t.Parallel()
	run := call{"POST", pathBenchmarks + "/run?benchmark_type=order", "", nil}
	for _, c := range []struct {
		claim  string
		call   call
		err    error
		status int
		code   string
	}{
		{"another one while one is running", run, ErrBenchmarkRunning, 409, "benchmark_running"},
		{"to cancel none", call{"DELETE", pathBenchmarks + "/run", "", nil}, ErrNoBenchmark, 404, "not_found"},
		{"what the board refuses", run, commerce.Errorf(commerce.CodeValidation, "no"), 400, "validation_failed"},
		{"a result that is not there", call{"GET", pathBenchmarks + "/results/" + sampleID(1).String(), "", nil}, commerce.Errorf(commerce.CodeNotFound, "no"), 404, "not_found"},
		{"a type that is none", call{"POST", pathBenchmarks + "/run?benchmark_type=everything", "", nil}, nil, 400, "validation_failed"},
		{"no type", call{"POST", pathBenchmarks + "/run", "", nil}, nil, 400, "validation_failed"},
		{"too many iterations", call{"POST", run.path + "&iterations=100001", "", nil}, nil, 400, "validation_failed"},
		{"too many connections", call{"POST", run.path + "&connections=257", "", nil}, nil, 400, "validation_failed"},
		{"too long a time", call{"POST", run.path + "&seconds=61", "", nil}, nil, 400, "validation_failed"},
		{"to compare one", call{"GET", pathBenchmarks + "/compare?baseline=" + sampleID(1).String(), "", nil}, nil, 400, "validation_failed"},
		{"a document of another type", call{"POST", pathBenchmarks + "/results", "a,b", []string{"Content-Type", "text/csv"}}, nil, 415, "unsupported_media_type"},
		{"a document that is too long", call{"POST", pathBenchmarks + "/results", strings.Repeat(" ", 200_000), nil}, nil, 413, "payload_too_large"},
		{"a failure, without its text", run, errors.New("disk of secrets"), 500, "internal_error"},
	} {
		b, fake := setupBenchmarks(t)
		fake.err = c.err
		a := b.do(t, c.call)
		require.Equal(t, c.status, a.status, "%s: %s", c.claim, a.body)
		require.Contains(t, a.body, `"code":"`+c.code+`"`, c.claim)
		require.NotContains(t, a.body, "secrets")
		require.Equal(t, c.status == 409, a.field("Retry-After") != "", c.claim)
	}
}

// A page of another site can make a browser send a POST without asking first.
func TestBenchmarks_AreNotStartedByOtherSites(t *testing.T) {
	t.Parallel()
	changes := []call{
		{"POST", pathBenchmarks + "/run?benchmark_type=order", "", nil},
		{"DELETE", pathBenchmarks + "/run", "", nil},
		{"POST", pathBenchmarks + "/results", `{"results":[]}`, nil},
	}
	for _, c := range changes {
		for origin, allowed := range map[string]bool{
			"": true, "http://penstock.test": true, "http://evil.example": false, "http://penstock.test:81": false, "null": false, "http://": false,
		} {
			b, fake := setupBenchmarks(t)
			if origin != "" {
				c.headers = []string{"Origin", origin}
			} else {
				c.headers = nil
			}
			a := b.do(t, c)
			require.Equal(t, allowed, a.status < 300, "%s from %q: %s", c.path, origin, a.body)
			if !allowed {
				require.Equal(t, 403, a.status)
				require.Contains(t, a.body, `"code":"origin_not_allowed"`)
				require.Empty(t, fake.calls)
			}
		}
	}
}

func TestBenchmarks_AreOffUnlessTheServerMayBeMeasured(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	for _, route := range benchmarkRoutes() {
		path := strings.ReplaceAll(route.Path, "{id}", sampleID(1).String())
		switch route.Operation {
		case "runBenchmark":
			path += "?benchmark_type=order"
		case "compareBenchmarks":
			path += "?baseline=" + sampleID(1).String() + "&current=" + sampleID(2).String()
		}
		body := ""
		if route.Body != nil {
			body = `{"results":[]}`
		}
		a := b.do(t, call{route.Method, path, body, nil})
		require.Equal(t, 403, a.status, "%s: %s", route.Operation, a.body)
		require.Contains(t, a.body, `"code":"benchmarks_off"`)
		require.Contains(t, a.body, "--benchmarks=on")
	}
	require.Equal(t, 200, b.do(t, call{"GET", pathDashboard, "", nil}).status, "the page says so")
}
