package http

import (
	"errors"
	"strconv"
	"time"

	"github.com/penstock-dev/penstock/access"
	"github.com/penstock-dev/penstock/commerce"
)

// Benchmarks is what measures this server and keeps what was found. Its documents are JSON that the
// door hands on unread. Refusals are *commerce.Error.
type Benchmarks interface {
	// Start begins a run, or returns ErrBenchmarkRunning. The id is that of its result to come.
	Start(run BenchmarkRun) (commerce.ID, error)
	// Cancel ends the run under way without a result; it does not wait for that. It returns
	// ErrNoBenchmark when there is none.
	Cancel() error
	// Progress tells how far the run under way is, or how the last one ended.
	Progress() (document []byte, err error)
	// Results lists the newest results, newest first.
	Results(limit int) (document []byte, err error)
	// Result returns one result. While its run is under way it is the run's progress, and running.
	Result(id commerce.ID) (document []byte, running bool, err error)
	// Import keeps a result that was measured elsewhere. The document is only lent.
	Import(document []byte, label string) (commerce.ID, error)
	// Compare says which of two results is the faster, and how sure that is.
	Compare(baseline, current commerce.ID) (document []byte, err error)
}

// BenchmarkRun says what to measure: until Iterations requests are answered or the time is over.
type BenchmarkRun struct {
	Type        string
	Iterations  int
	Connections int
	Duration    time.Duration
}

var (
	// ErrBenchmarkRunning says that a benchmark is under way; there is one at a time.
	ErrBenchmarkRunning = errors.New("a benchmark is running")
	// ErrNoBenchmark says that no benchmark is under way.
	ErrNoBenchmark = errors.New("no benchmark is running")
)

const pathBenchmarks = pathAPI + "/benchmarks"

// BenchmarkTypes are the words of benchmark_type.
func BenchmarkTypes() []string {
	return []string{
		"product", "order", "order-hot", "order-zipf", "product-read", "product-list", "search", "mixed", "analytics",
	}
}

// The bounds of a run and of what is brought in, as the API document states them.
const (
	BenchmarkIterationsMax  = 100_000
	BenchmarkConnectionsMax = 256
	BenchmarkSecondsMax     = 60
	BenchmarkLabelMax       = 80

	benchmarkIterationsDefault  = 1000
	benchmarkConnectionsDefault = 16
	benchmarkSecondsDefault     = 30
	benchmarkResultsMax         = 200
	benchmarkResultsDefault     = 10
)

// benchmarkRoutes are for holders of a scope of their own: a run loads the server.
func benchmarkRoutes() []Route { return append(benchmarkRunRoutes(), benchmarkResultRoutes()...) }

func benchmarkRunRoutes() []Route {
	changing := []commerce.Code{codeBenchmarksOff, codeOriginRefused}
	reading := []commerce.Code{codeBenchmarksOff}
	return []Route{
		{
			Method: "POST", Path: pathBenchmarks + "/run", Operation: "runBenchmark", Tag: "benchmarks",
			Policy: holders(commerce.ScopeBenchRun), Class: access.ClassWrite,
			Summary:    "Measures this server, over loopback and with products of its own. One at a time.",
			Parameters: runParameters(),
			Answers: []Answer{{
				Status: 202, Schema: "BenchmarkProgress", Headers: []string{"Location"}, Description: "It has begun; Location is where its result will be.",
			}},
			Problems: append(changing, codeBenchmarkRunning, commerce.CodeOverloaded),
			Handle:   (*Server).runBenchmark,
		},
		{
			Method: "DELETE", Path: pathBenchmarks + "/run", Operation: "cancelBenchmark", Tag: "benchmarks",
			Policy: holders(commerce.ScopeBenchRun), Class: access.ClassWrite,
			Summary:  "Ends the benchmark that is running, without a result.",
			Answers:  []Answer{{Status: 202, Schema: "BenchmarkProgress", Description: "It is ending: its products are archived first."}},
			Problems: append(changing, commerce.CodeNotFound),
			Handle:   (*Server).cancelBenchmark,
		},
		{
			Method: "GET", Path: pathBenchmarks + "/progress", Operation: "getBenchmarkProgress", Tag: "benchmarks",
			Policy: holders(commerce.ScopeBenchRun), Class: access.ClassRead,
			Summary:  "Says how far the benchmark is that is running, or how the last one ended.",
			Answers:  []Answer{{Status: 200, Schema: "BenchmarkProgress", Description: "The state of it; run is null before the first."}},
			Problems: reading, Handle: (*Server).benchmarkProgress,
		},
	}
}

func benchmarkResultRoutes() []Route {
	changing := []commerce.Code{codeBenchmarksOff, codeOriginRefused}
	reading := []commerce.Code{codeBenchmarksOff}
	found := Answer{Status: 200, Schema: "BenchmarkResult", Description: "The result, with its curves."}
	stillRunning := Answer{Status: 202, Schema: "BenchmarkProgress", Headers: []string{"Retry-After"}, Description: "It is still being measured."}
	return []Route{
		{
			Method: "GET", Path: pathBenchmarks + "/results", Operation: "listBenchmarkResults", Tag: "benchmarks",
			Policy: holders(commerce.ScopeBenchRun), Class: access.ClassRead,
			Summary: "Lists results, newest first, without their curves.",
			Parameters: []Parameter{{
				Name: "limit", In: InQuery, Kind: KindInteger, Min: 1, Max: benchmarkResultsMax, Default: strconv.Itoa(benchmarkResultsDefault),
				Description: "How many results at most; no more are kept.",
			}},
			Answers:  []Answer{{Status: 200, Schema: "BenchmarkResults", Description: "The newest results."}},
			Problems: reading, Handle: (*Server).listBenchmarkResults,
		},
		{
			Method: "POST", Path: pathBenchmarks + "/results", Operation: "importBenchmarkResult", Tag: "benchmarks",
			Policy: holders(commerce.ScopeBenchRun), Class: access.ClassWrite,
			Summary: "Keeps a document that penstock bench --json has printed, beside what this server measures of itself.",
			Parameters: []Parameter{{
				Name: "label", In: InQuery, Kind: KindText, Max: BenchmarkLabelMax, Description: "What to call it.",
			}},
			Body:     &Body{Schema: "BenchmarkDocument", Types: []string{contentTypeJSON}},
			Answers:  []Answer{{Status: 201, Schema: "BenchmarkResult", Headers: []string{"Location"}, Description: "The result."}},
			Problems: changing, Handle: (*Server).importBenchmarkResult,
		},
		{
			Method: "GET", Path: pathBenchmarks + "/results/{id}", Operation: "getBenchmarkResult", Tag: "benchmarks",
			Policy: holders(commerce.ScopeBenchRun), Class: access.ClassRead,
			Summary:    "Shows a result.",
			Parameters: []Parameter{idParameter("result")},
			Answers:    []Answer{found, stillRunning},
			Problems:   append(reading, commerce.CodeNotFound), Handle: (*Server).getBenchmarkResult,
		},
		{
			Method: "GET", Path: pathBenchmarks + "/compare", Operation: "compareBenchmarks", Tag: "benchmarks",
			Policy: holders(commerce.ScopeBenchRun), Class: access.ClassRead,
			Summary: "Says which of two results is the faster, and how sure that is.",
			Parameters: []Parameter{
				{Name: "baseline", In: InQuery, Kind: KindID, Required: true, Description: "The id of the result to compare with."},
				{Name: "current", In: InQuery, Kind: KindID, Required: true, Description: "The id of the result in question."},
			},
			Answers:  []Answer{{Status: 200, Schema: "BenchmarkComparison", Description: "Each scenario that both hold."}},
			Problems: append(reading, commerce.CodeNotFound), Handle: (*Server).compareBenchmarks,
		},
	}
}

func runParameters() []Parameter {
	number := func(name string, largest, fallback int64, description string) Parameter {
		return Parameter{
			Name: name, In: InQuery, Kind: KindInteger, Min: 1, Max: largest, Default: strconv.FormatInt(fallback, 10), Description: description,
		}
	}
	return []Parameter{
		{
			Name: "benchmark_type", In: InQuery, Kind: KindWord, Words: BenchmarkTypes(), Required: true,
			Description: "What is asked: a scenario of penstock bench. product is short for product-read.",
		},
		number("iterations", BenchmarkIterationsMax, benchmarkIterationsDefault, "After how many requests it ends."),
		number("connections", BenchmarkConnectionsMax, benchmarkConnectionsDefault, "How many requests are under way at a time."),
		number("seconds", BenchmarkSecondsMax, benchmarkSecondsDefault, "After how many seconds it ends at the latest."),
	}
}

// benchmarks returns what measures this server, or the refusal of one that must not be measured.
func (s *Server) benchmarks() (Benchmarks, error) {
	if s.cfg.Benchmarks == nil {
		return nil, &commerce.Error{
			Code: codeBenchmarksOff, Detail: "benchmarks are off on this server: they are on by themselves only where the server " +
				"listens on loopback; start it with --benchmarks=on if everybody who reaches it may load it",
		}
	}
	return s.cfg.Benchmarks, nil
}

// measuring is benchmarks for a request that changes something: one that another site's page makes
// a browser send is refused.
func (s *Server) measuring(r *request) (Benchmarks, error) {
	board, err := s.benchmarks()
	if err == nil {
		err = r.checkSameOrigin()
	}
	return board, err
}

func (s *Server) runBenchmark(r *request) error {
	board, err := s.measuring(r)
	if err != nil {
		return err
	}
	if err := s.recordAudit(r, commerce.AuditBenchmarkRun); err != nil {
		return err
	}
	id, err := board.Start(BenchmarkRun{
		Type:        r.value("benchmark_type").text,
		Iterations:  int(r.number("iterations", benchmarkIterationsDefault)),
		Connections: int(r.number("connections", benchmarkConnectionsDefault)),
		Duration:    time.Duration(r.number("seconds", benchmarkSecondsDefault)) * time.Second,
	})
	if err != nil {
		return benchmarkRefusal(err)
	}
	r.setLocation(pathBenchmarks+"/results", id)
	return r.answerProgress(board, 202)
}

func (s *Server) cancelBenchmark(r *request) error {
	board, err := s.measuring(r)
	if err != nil {
		return err
	}
	if err := board.Cancel(); err != nil {
		return benchmarkRefusal(err)
	}
	return r.answerProgress(board, 202)
}

func (s *Server) benchmarkProgress(r *request) error {
	board, err := s.benchmarks()
	if err != nil {
		return err
	}
	return r.answerProgress(board, 200)
}

func (r *request) answerProgress(board Benchmarks, status int) error {
	return r.answerDocument(status)(board.Progress())
}

// answerDocument answers with JSON that the door has not made.
func (r *request) answerDocument(status int) func(document []byte, err error) error {
	return func(document []byte, err error) error {
		if err != nil {
			return benchmarkRefusal(err)
		}
		r.buf = append(r.buf[:0], document...)
		return r.answerJSON(status)
	}
}

func (s *Server) listBenchmarkResults(r *request) error {
	board, err := s.benchmarks()
	if err != nil {
		return err
	}
	return r.answerDocument(200)(board.Results(int(r.number("limit", benchmarkResultsDefault))))
}

func (s *Server) importBenchmarkResult(r *request) error {
	board, err := s.measuring(r)
	if err != nil {
		return err
	}
	id, err := board.Import(r.body(), r.value("label").text)
	if err != nil {
		return benchmarkRefusal(err)
	}
	document, _, err := board.Result(id)
	r.setLocation(pathBenchmarks+"/results", id)
	return r.answerDocument(201)(document, err)
}

func (s *Server) getBenchmarkResult(r *request) error {
	board, err := s.benchmarks()
	if err != nil {
		return err
	}
	document, running, err := board.Result(r.id())
	status := 200
	if running {
		status = 202
		r.ctx.Response.Header.SetCanonical(r.keys.retryAfter, []byte{'1'})
	}
	return r.answerDocument(status)(document, err)
}

func (s *Server) compareBenchmarks(r *request) error {
	board, err := s.benchmarks()
	if err != nil {
		return err
	}
	return r.answerDocument(200)(board.Compare(r.value("baseline").id, r.value("current").id))
}

// benchmarkRefusal says what an error of Benchmarks is to a client.
func benchmarkRefusal(err error) error {
	switch {
	case errors.Is(err, ErrBenchmarkRunning):
		return &commerce.Error{
			Code: codeBenchmarkRunning, Detail: "a benchmark is running already; wait for it or cancel it", RetryAfter: time.Second,
		}
	case errors.Is(err, ErrNoBenchmark):
		return &commerce.Error{Code: commerce.CodeNotFound, Detail: "no benchmark is running"}
	}
	return err
}
