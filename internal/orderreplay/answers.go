package orderreplay

import (
	"bufio"
	"crypto/sha256"
	"encoding/csv"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"sync"

	"github.com/penstock-dev/penstock/internal/csvfile"
)

// Answers keeps what a server answered to each key in a file, and compares later answers with it:
// whatever a first replay was told, every other must be told again, byte for byte.
type Answers struct {
	path string

	mu struct {
		sync.Mutex
		first     map[string]answered // by key
		equal     int64
		added     int64
		different []string // the first differencesMax of them, in words
		differing int64
	}
}

// answered is what is kept of one answer.
type answered struct {
	order string // the id the server gave it
	sum   string // hexadecimal SHA-256 of the body
}

// differencesMax bounds the differences that are listed; all are counted.
const differencesMax = 20

// The columns of the file.
const (
	columnKey = "key"
	columnID  = "order_id"
	columnSum = "answer_sha256"
)

// OpenAnswers reads the answers of earlier replays. A file that does not exist holds none. A place
// that Save could not write to is an error already here, before any order is placed.
func OpenAnswers(path string) (*Answers, error) {
	a := &Answers{path: path}
	probe, err := a.create()
	if err != nil {
		return nil, err
	}
	if err := errors.Join(probe.Close(), os.Remove(probe.Name())); err != nil {
		return nil, fmt.Errorf("try to write the answers: %w", err)
	}
	a.mu.first = make(map[string]answered)
	file, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return a, nil
	}
	if err != nil {
		return nil, fmt.Errorf("open the answers: %w", err)
	}
	defer file.Close() //nolint:errcheck // it is only read
	reader, err := csvfile.NewReader(path, file, csvfile.Spec{Required: []string{columnKey, columnID, columnSum}})
	if err != nil {
		return nil, err
	}
	for row, err := range reader.Rows() {
		if err != nil {
			return nil, err
		}
		var fields [3]string
		for i, column := range []string{columnKey, columnID, columnSum} {
			if fields[i], err = row.Text(column); err != nil {
				return nil, err
			}
		}
		a.mu.first[fields[0]] = answered{order: fields[1], sum: fields[2]}
	}
	return a, nil
}

// create makes the file beside, which the caller closes and removes or renames.
func (a *Answers) create() (*os.File, error) {
	file, err := os.CreateTemp(filepath.Dir(a.path), filepath.Base(a.path)+".*")
	if err != nil {
		return nil, fmt.Errorf("write the answers: %w", err)
	}
	return file, nil
}

// note compares an answer with the first one to its key, or keeps it as that.
func (a *Answers) note(key string, body []byte) error {
	var order struct {
		ID string `json:"id"`
	}
	if err := json.Unmarshal(body, &order); err != nil || order.ID == "" {
		return fmt.Errorf("the answer to order %s names no order id", key)
	}
	sum := sha256.Sum256(body)
	now := answered{order: order.ID, sum: hex.EncodeToString(sum[:])}

	a.mu.Lock()
	defer a.mu.Unlock()
	first, known := a.mu.first[key]
	switch {
	case !known:
		a.mu.first[key] = now
		a.mu.added++
	case first == now:
		a.mu.equal++
	default:
		a.mu.differing++
		if len(a.mu.different) < differencesMax {
			a.mu.different = append(a.mu.different, difference(key, first, now))
		}
	}
	return nil
}

func difference(key string, first, now answered) string {
	if first.order != now.order {
		return fmt.Sprintf("key %s was order %s, and is order %s now", key, first.order, now.order)
	}
	return fmt.Sprintf("key %s is order %s as before, but its answer reads differently", key, now.order)
}

// Comparison is what Answers found.
type Comparison struct {
	Equal       int64    `json:"equal"`
	New         int64    `json:"new"`
	Different   int64    `json:"different"`
	Differences []string `json:"differences,omitempty"` // at most 20 of them
}

// Compared returns what the comparison has found so far.
func (a *Answers) Compared() Comparison {
	a.mu.Lock()
	defer a.mu.Unlock()
	return Comparison{
		Equal: a.mu.equal, New: a.mu.added, Different: a.mu.differing, Differences: slices.Clone(a.mu.different),
	}
}

// Save writes the first answers back, all or nothing: to a file beside, which then takes the place
// of the old one.
func (a *Answers) Save() error {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.mu.added == 0 {
		return nil
	}
	file, err := a.create()
	if err != nil {
		return err
	}
	err = a.writeLocked(file)
	if err == nil {
		err = file.Sync()
	}
	if closed := file.Close(); err == nil {
		err = closed
	}
	if err == nil {
		err = os.Rename(file.Name(), a.path)
	}
	if err != nil {
		return errors.Join(fmt.Errorf("write the answers: %w", err), os.Remove(file.Name()))
	}
	return nil
}

func (a *Answers) writeLocked(file *os.File) error {
	buffered := bufio.NewWriter(file)
	w := csv.NewWriter(buffered)
	if err := w.Write([]string{columnKey, columnID, columnSum}); err != nil {
		return err
	}
	for _, key := range slices.Sorted(maps.Keys(a.mu.first)) {
		first := a.mu.first[key]
		if err := w.Write([]string{key, first.order, first.sum}); err != nil {
			return err
		}
	}
	w.Flush()
	if err := w.Error(); err != nil {
		return err
	}
	return buffered.Flush()
}
