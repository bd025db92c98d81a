package board

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"sync"

	"github.com/penstock-dev/penstock/commerce"
)

const (
	// entriesMax and historyMax bound what is kept, in number and in bytes. The oldest give way.
	entriesMax = 200
	historyMax = 8 << 20
	// historyFormat is the version of the file's form.
	historyFormat = 1
	// damagedSuffix names a file that could not be read, beside the one that takes its place.
	damagedSuffix = ".damaged"
)

// history is the results that are kept, in memory and in a file that is replaced as a whole.
type history struct {
	file string
	log  *slog.Logger
	mu   struct {
		sync.Mutex
		entries []*Entry // oldest first; an entry is never changed
	}
}

// historyFile is the form of the file.
type historyFile struct {
	Format  int               `json:"format"`
	Entries []json.RawMessage `json:"entries"`
}

func openHistory(file string, log *slog.Logger) (*history, error) {
	h := &history{file: file, log: log}
	info, err := os.Stat(file)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return h, nil
	case err != nil:
		return nil, err
	}
	var entries []*Entry
	if info.Size() > 2*historyMax {
		err = fmt.Errorf("it has %d bytes", info.Size())
	} else {
		entries, err = readHistory(file)
	}
	if errors.Is(err, fs.ErrPermission) {
		return nil, err
	}
	if err != nil {
		// Old figures are no reason to keep a shop closed.
		log.Warn("the history of benchmarks cannot be read and was set aside", "file", file+damagedSuffix, "error", err)
		return h, os.Rename(file, file+damagedSuffix)
	}
	h.mu.entries = entries
	return h, nil
}

func readHistory(file string) ([]*Entry, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	var form historyFile
	if err := json.Unmarshal(text, &form); err != nil {
		return nil, err
	}
	if form.Format != historyFormat {
		return nil, fmt.Errorf("its format is %d, not %d", form.Format, historyFormat)
	}
	var entries []*Entry
	for _, raw := range form.Entries {
		entry := new(Entry)
		if err := json.Unmarshal(raw, entry); err != nil {
			return nil, err
		}
		if _, err := commerce.ParseID(entry.ID); err != nil {
			return nil, fmt.Errorf("id %q: %w", entry.ID, err)
		}
		entries = append(entries, entry)
	}
	return entries, nil
}

// add keeps an entry, and lets the oldest ones go that no longer fit. When the file cannot be written
// nothing is kept.
func (h *history) add(entry *Entry) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	entries := append(slices.Clone(h.mu.entries), entry)
	text, kept, err := encodeHistory(entries)
	if err != nil {
		return fmt.Errorf("keep the result: %w", err)
	}
	if err := replaceFile(h.file, text); err != nil {
		return fmt.Errorf("keep the result: %w", err)
	}
	h.mu.entries = entries[len(entries)-kept:]
	return nil
}

// encodeHistory encodes the newest entries that fit, and says how many they are.
func encodeHistory(entries []*Entry) (text []byte, kept int, err error) {
	form := historyFile{Format: historyFormat}
	size := 0
	for _, entry := range slices.Backward(entries) {
		raw, err := json.Marshal(entry)
		if err != nil {
			return nil, 0, err
		}
		size += len(raw) + 1
		if len(form.Entries) == entriesMax || size > historyMax {
			break
		}
		form.Entries = append(form.Entries, raw)
	}
	slices.Reverse(form.Entries)
	text, err = json.Marshal(&form)
	return text, len(form.Entries), err
}

// replaceFile writes a file beside the old one and puts it in its place, so that a crash leaves one or
// the other.
func replaceFile(path string, text []byte) (err error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	next := path + ".next" // one name: what a crash has left is written over
	file, err := os.OpenFile(next, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o644)
	if err != nil {
		return err
	}
	_, err = file.Write(text)
	err = errors.Join(err, file.Sync(), file.Close())
	if err != nil {
		return errors.Join(err, os.Remove(next))
	}
	if err := os.Rename(next, path); err != nil {
		return err
	}
	folder, err := os.Open(filepath.Dir(path))
	if err != nil {
		return err
	}
	return errors.Join(folder.Sync(), folder.Close())
}

// list summarizes the newest entries, newest first, and counts all.
func (h *history) list(limit int) (newest []Summary, kept int) {
	h.mu.Lock()
	entries := h.mu.entries
	h.mu.Unlock()
	newest = []Summary{}
	for _, entry := range slices.Backward(entries) {
		if len(newest) == limit {
			break
		}
		newest = append(newest, entry.summary())
	}
	return newest, len(entries)
}

// find returns the entry with an id, or nil.
func (h *history) find(id commerce.ID) *Entry {
	h.mu.Lock()
	defer h.mu.Unlock()
	name := id.String()
	for _, entry := range slices.Backward(h.mu.entries) {
		if entry.ID == name {
			return entry
		}
	}
	return nil
}
