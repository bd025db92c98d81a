package pgstore

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/penstock-dev/penstock/commerce"
)

// pipeline is statements that are sent together and answered together: one round trip.
type pipeline struct {
	conn       *pgconn.PgConn
	statements map[string]*pgconn.StatementDescription
	batch      pgconn.Batch
	binary     []int16
	queued     int
	moves      int // the place of stmtMoves among the statements, from 1 on

	stock []commerce.Stock // what stmtMoves answered
}

func (w *writer) newPipeline() *pipeline {
	return &pipeline{conn: w.conn.PgConn(), statements: w.statements, binary: []int16{1}, stock: w.changes.stock[:0]}
}

func (p *pipeline) add(name string, params [][]byte) {
	p.batch.ExecStatement(p.statements[name], params, p.binary, p.binary)
	if p.queued++; name == stmtMoves {
		p.moves = p.queued
	}
}

// addTable adds an array statement, unless it would do nothing.
func (p *pipeline) addTable(name string, t *table, same ...[]byte) {
	if t.rows() > 0 {
		p.add(name, t.all(same...))
	}
}

// send sends the pipeline and waits for its end. sent tells that the server may have got all of it. The
// context is one that nobody cancels: what has been sent is waited for.
func (p *pipeline) send() (sent bool, err error) {
	if p.conn.IsClosed() {
		return false, pgconn.ErrConnClosed
	}
	results := p.conn.ExecBatch(context.Background(), &p.batch)
	for at := 1; results.NextResult(); at++ {
		reader := results.ResultReader()
		for reader.NextRow() {
			if at != p.moves {
				continue
			}
			if err := p.adopt(reader.Values()); err != nil {
				// The batch may be committed, and nobody here could say what it did.
				panic("store: the answer to a batch cannot be read: " + err.Error())
			}
		}
	}
	err = results.Close()
	// A connection that is lost while the answer is waited for can be reported as one that had been closed
	// before, which would be safe to retry.
	return err == nil || errors.Is(err, pgconn.ErrConnClosed) || !pgconn.SafeToRetry(err), err
}

// adopt reads a row of the answer to stmtMoves.
func (p *pipeline) adopt(row [][]byte) error {
	if len(row) != 4 || len(row[0]) != 16 || len(row[1]) != 8 || len(row[2]) != 8 || len(row[3]) != 8 {
		return fmt.Errorf("a stock row has the wrong shape")
	}
	p.stock = append(p.stock, commerce.Stock{
		Product:   commerce.ID(row[0]),
		OnHand:    int64(binary.BigEndian.Uint64(row[1])),
		Allocated: int64(binary.BigEndian.Uint64(row[2])),
		Version:   binary.BigEndian.Uint64(row[3]),
	})
	return nil
}
