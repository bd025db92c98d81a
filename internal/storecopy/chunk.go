package storecopy

import (
	"time"

	"github.com/penstock-dev/penstock/persistence/pgstore"
)

const (
	// chunkRowsMax and chunkBytesMax bound a chunk: whichever is reached first, a page of the source
	// more. A chunk is one transaction.
	chunkRowsMax  = 5000
	chunkBytesMax = 4 << 20
	// chunksAhead is how many chunks wait to be loaded: with it the memory that a copy takes is bounded.
	chunksAhead = 2
)

// chunk is rows of a section, and how far they bring it.
type chunk struct {
	section string
	rows    *pgstore.Rows
	to      pgstore.Mark
}

// chunker gathers the rows of one section into chunks.
type chunker struct {
	section section
	loader  *pgstore.Loader
	// alive leaves out keys that expire before; zero leaves out none.
	alive time.Time
	give  func(chunk) error

	rows *pgstore.Rows
	at   pgstore.Mark
}

func newChunker(s section, loader *pgstore.Loader, give func(chunk) error) *chunker {
	return &chunker{section: s, loader: loader, give: give, rows: loader.NewRows(s.table)}
}

// reach says that all rows up to a place have been added. It gives a chunk away when it is full.
func (c *chunker) reach(id [16]byte, seq uint64) error {
	c.at = pgstore.Mark{ID: id, Seq: seq}
	if c.rows.Len() < chunkRowsMax && c.rows.Size() < chunkBytesMax {
		return nil
	}
	return c.flush()
}

// end gives the last chunk away, which may be empty.
func (c *chunker) end() error {
	c.at.Done = true
	return c.flush()
}

func (c *chunker) flush() error {
	full := chunk{section: c.section.name, rows: c.rows, to: c.at}
	c.rows = c.loader.NewRows(c.section.table)
	return c.give(full)
}
