package shopyear_test

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
	"unicode"

	"github.com/stretchr/testify/require"

	"github.com/penstock-dev/penstock/bench"
	"github.com/penstock-dev/penstock/internal/torture"
)

// connectionsMax is over how many connections requests come in the second measurement, without a pause: there they wait
// for each other and for the client, so that its times are told but have no goal. In the first measurement it is one.
const connectionsMax = 8

// read is a kind of request, and how long it may take.
type read struct {
	name string
	goal time.Duration
	of   float64 // the part of the answers that the goal is for
	path func(w *words, rng *rand.Rand) string
}

// ofYear ends a path that asks for sums.
func ofYear() string {
	today := time.Now().UTC()
	return "?start_date=" + today.AddDate(-1, 0, 0).Format(time.DateOnly) + "&end_date=" + today.Format(time.DateOnly)
}

func summaryOf(interval string) string {
	return "/api/v2/orders/analytics/summary" + ofYear() + "&interval=" + interval
}

func reads() []read {
	const p99, half = .99, .5
	const soon = 5 * time.Millisecond
	search := func(name string, text func(w *words, rng *rand.Rand) string) read {
		return read{"search, " + name, soon, p99, func(w *words, rng *rand.Rand) string {
			return "/api/v2/products/search?q=" + url.QueryEscape(text(w, rng))
		}}
	}
	suggest := func(name string, text func(w *words, rng *rand.Rand) string) read {
		return read{"suggest, " + name, soon, p99, func(w *words, rng *rand.Rand) string {
			return "/api/v2/products/suggest?q=" + url.QueryEscape(text(w, rng))
		}}
	}
	later := search("a later page", (*words).any)
	first := later.path
	later.path = func(w *words, rng *rand.Rand) string { return first(w, rng) + "&page=" + strconv.Itoa(2+rng.IntN(20)) }
	top := func(by string) read {
		return read{"top products of a year by " + by, 50 * time.Millisecond, half, func(*words, *rand.Rand) string {
			return "/api/v2/orders/analytics/top-products" + ofYear() + "&by=" + by
		}}
	}
	summary := func(interval string) read {
		return read{"summary of a year by " + interval, 10 * time.Millisecond, half, func(*words, *rand.Rand) string { return summaryOf(interval) }}
	}
	return []read{
		search("English", (*words).english), search("Korean", (*words).korean), search("two words", (*words).two),
		search("begun", (*words).begun), search("mistyped", (*words).mistyped), search("nothing found", (*words).nothing), later,
		suggest("begun", (*words).begun), suggest("a letter", (*words).letter), suggest("mistyped", (*words).mistyped),
		suggest("two words", (*words).two), suggest("nothing found", (*words).nothing),
		summary("day"), summary("week"), summary("month"), top("units"), top("revenue"),
	}
}

// Searches, suggestions and sums are answered at once.
func TestReadsAreAnsweredAtOnce(t *testing.T) { //nolint:paralleltest // measures time
	onBothStores(t, func(t *testing.T, server *torture.Server) {
		process := start(t, server)
		w := readWords(t, process.Address)
		for _, r := range reads() {
			t.Run(r.name, func(t *testing.T) {
				for _, connections := range []int{1, connectionsMax} {
					took := measure(t, process.Address, w, &r, connections)
					at := func(part float64) time.Duration { return took[int(part*float64(len(took)-1))] }
					t.Logf("%d connections: p50 %v, p99 %v, most %v", connections, at(.5), at(.99), at(1))
					if connections == 1 && setting[bool]("goals") && at(r.of) > r.goal {
						t.Errorf("over %d connections it takes %v, more than %v", connections, at(r.of), r.goal)
					}
				}
			})
		}
	})
}

// measure asks requests of one kind and returns how long the answers took, sorted.
func measure(t *testing.T, address string, w *words, r *read, connections int) []time.Duration {
	t.Helper()
	requests := setting[int]("requests")
	took := make([]time.Duration, requests)
	errs := make([]error, connections)
	var wait sync.WaitGroup
	for c := range connections {
		wait.Go(func() {
			rng := rand.New(rand.NewPCG(uint64(c), uint64(connections)))
			errs[c] = ask(t.Context(), address, func() string { return r.path(w, rng) },
				took[requests*c/connections:requests*(c+1)/connections])
		})
	}
	wait.Wait()
	for _, err := range errs {
		require.NoError(t, err, r.name)
	}
	slices.Sort(took)
	return took
}

// ask asks for path after path over one connection, and notes how long each took.
func ask(ctx context.Context, address string, path func() string, took []time.Duration) error {
	conn, err := bench.Dial(ctx, address, time.Minute)
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close() }()
	var answer bench.Answer
	var request []byte
	for i := range took {
		at := path()
		request = bench.AppendRequest(request[:0], &bench.Request{Method: "GET", Path: at})
		begun := time.Now()
		if err := conn.Do(request, &answer); err != nil {
			return err
		}
		if took[i] = time.Since(begun); answer.Status != 200 {
			return fmt.Errorf("%s was answered %d %s", at, answer.Status, answer.Body)
		}
	}
	return nil
}

// words are the words of products' names and descriptions.
type words struct{ inEnglish, inKorean []string }

// readWords reads those of some hundred products.
func readWords(t *testing.T, address string) *words {
	t.Helper()
	conn, err := bench.Dial(t.Context(), address, time.Minute)
	require.NoError(t, err)
	defer func() { _ = conn.Close() }()
	w := new(words)
	for page := 1; page <= 10; page++ {
		var answer bench.Answer
		path := "/api/v2/products?sort=oldest&per_page=100&page=" + strconv.Itoa(page)
		require.NoError(t, conn.Do(bench.AppendRequest(nil, &bench.Request{Method: "GET", Path: path}), &answer))
		var found struct {
			Products []struct{ Name, Description string }
		}
		require.NoError(t, json.Unmarshal(answer.Body, &found))
		for _, p := range found.Products {
			w.add(p.Name + " " + p.Description)
		}
	}
	require.NotEmpty(t, w.inEnglish)
	require.NotEmpty(t, w.inKorean)
	return w
}

func (w *words) add(text string) {
	notLetter := func(r rune) bool { return !unicode.IsLetter(r) }
	for _, word := range strings.FieldsFunc(text, notLetter) {
		switch letters := []rune(word); {
		case unicode.Is(unicode.Hangul, letters[0]):
			w.inKorean = append(w.inKorean, word)
		case len(letters) > 3:
			w.inEnglish = append(w.inEnglish, word)
		}
	}
}

func one(of []string, rng *rand.Rand) string { return of[rng.IntN(len(of))] }

func (w *words) english(rng *rand.Rand) string { return one(w.inEnglish, rng) }

func (w *words) korean(rng *rand.Rand) string { return one(w.inKorean, rng) }

func (w *words) any(rng *rand.Rand) string { return one([]string{w.english(rng), w.korean(rng)}, rng) }

func (w *words) two(rng *rand.Rand) string { return w.any(rng) + " " + w.any(rng) }

// begun is what somebody has typed of a word.
func (w *words) begun(rng *rand.Rand) string {
	letters := []rune(w.any(rng))
	return string(letters[:1+rng.IntN(len(letters))])
}

func (w *words) letter(rng *rand.Rand) string { return string([]rune(w.any(rng))[:1]) }

// mistyped is a word two of whose letters have changed places.
func (w *words) mistyped(rng *rand.Rand) string {
	letters := []rune(w.english(rng))
	i := 1 + rng.IntN(len(letters)-2)
	letters[i], letters[i+1] = letters[i+1], letters[i]
	return string(letters)
}

func (w *words) nothing(rng *rand.Rand) string {
	return fmt.Sprintf("qx%dzvk%d", rng.IntN(1000), rng.IntN(1000))
}
