package http

import (
	"bufio"
	"bytes"
	"context"
	"encoding/csv"
	"encoding/json"
	"errors"
	"io"
	"net"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/xuri/excelize/v2"
	"pgregory.net/rapid"

	"github.com/penstock-dev/penstock/commerce"
	"github.com/penstock-dev/penstock/http/wire"
	"github.com/penstock-dev/penstock/persistence"
)

const pathExport = pathOrders + "/export"

// exportedOrders are orders with all that a row must survive.
func exportedOrders() []*commerce.Order {
	var list []*commerce.Order
	for i, note := range []string{
		"plain", `say "hi", twice`, "two\nlines", "two\r\nlines", "=1+1", "+7", "-1", "@SUM(A1)", "\tx", "\rx", "＝1+1", "조명 💡, ü",
		"'quoted'", " lead", "",
	} {
		o := sampleOrder()
		o.ID[15] = byte(200 - i)
		o.Note = note
		o.Customer = "ü\"," + note
		list = append(list, o)
	}
	return list
}

// scanOf scans a list as a store would.
func scanOf(list []*commerce.Order) func(context.Context, func(*commerce.Order) error) error {
	return func(_ context.Context, visit func(*commerce.Order) error) error {
		for _, o := range list {
			if err := visit(o); err != nil {
				return err
			}
		}
		return nil
	}
}

// readCSV reads an export as any reader of RFC 4180 would.
func readCSV(t testing.TB, body string) (rows []map[string]string) {
	t.Helper()
	// encoding/csv reads CR LF within quotes as LF.
	records, err := csv.NewReader(strings.NewReader(strings.ReplaceAll(body, "\r\nlines", "\r\r\nlines"))).ReadAll()
	require.NoError(t, err)
	for _, record := range records {
		require.Len(t, record, len(exportColumns()))
		row := make(map[string]string)
		for i, column := range exportColumns() {
			row[column] = record[i]
		}
		rows = append(rows, row)
	}
	return rows
}

func TestExport_CSVReadsAsItWasWritten(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	orders := exportedOrders()
	b.engine.scan = scanOf(orders)
	a := b.do(t, call{"GET", pathExport + "?status=pending&start_date=2026-07-14", "", nil})
	require.Equal(t, 200, a.status)
	require.Equal(t, "text/csv; charset=utf-8", a.field(headerContentType))
	require.Equal(t, `attachment; filename="orders.csv"`, a.field("Content-Disposition"))
	require.Equal(t, []any{persistence.OrderQuery{
		Status: commerce.StatusPending, From: time.Date(2026, 7, 14, 0, 0, 0, 0, time.UTC),
	}}, b.engine.seen())
	require.Equal(t, len(orders)+1, strings.Count(a.body, "\r\n")-2, "two line ends are in texts")
	rows := readCSV(t, a.body)
	require.Equal(t, "id", rows[0]["id"])
	require.Len(t, rows, len(orders)+1)
	for i, o := range orders {
		row := rows[i+1]
		require.Equal(t, o.ID.String(), row["id"])
		require.Equal(t, "pending", row["status"])
		require.Equal(t, o.Customer, row["customer_id"])
		require.Equal(t, "2026-07-14T09:00:00.123Z", row["placed_at"])
		require.Equal(t, "2400", row["total_amount"])
		require.Equal(t, "2", row["units"])
		require.JSONEq(t, `[{"product_id":"`+sampleID(2).String()+`","name":"Kettle","sku":"K-1","quantity":2,"unit_price":1200,"line_total":2400}]`, row["items"])
		require.Equal(t, wire.OrderCursor(o.ID), row["cursor"])
		want := o.Note
		if i >= 4 && i <= 10 {
			want = "'" + want
		}
		require.Equal(t, want, row["note"])
	}
}

func TestExport_FormulasAreText(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.StringOf(rapid.SampledFrom([]rune("=+-@\t\r\n\"', a1ü＝＋－＠"))).Draw(t, "text")
		if text == "" {
			return
		}
		line := string(appendField(nil, []byte(text), isFormula([]byte(text))))
		value := line
		if strings.HasPrefix(line, `"`) {
			require.True(t, strings.HasSuffix(line, `"`) && len(line) > 1)
			value = strings.ReplaceAll(line[1:len(line)-1], `""`, `"`)
			require.NotContains(t, strings.ReplaceAll(line[1:len(line)-1], `""`, ""), `"`)
		} else {
			require.NotContains(t, line, ",")
			require.NotContains(t, line, "\n")
		}
		first := []rune(value)[0]
		require.NotContains(t, "=+-@\t\r\n＝＋－＠", string(first))
		require.Equal(t, text, strings.TrimPrefix(value, strings.TrimSuffix(value, text)), "all of the text is there")
		require.LessOrEqual(t, len(value), len(text)+1)
	})
}

func TestExport_MarkAndHeaderStandOnlyAtTheBeginning(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	first := b.do(t, call{"GET", pathExport + "?bom=true", "", nil})
	require.True(t, strings.HasPrefix(first.body, "\uFEFFid,status,"))
	b.engine.seen()
	rest := b.do(t, call{"GET", pathExport + "?bom=true&cursor=" + wire.OrderCursor(sampleID(9)), "", nil})
	require.Equal(t, []any{persistence.OrderQuery{Before: sampleID(9)}}, b.engine.seen())
	require.True(t, strings.HasPrefix(rest.body, sampleID(1).String()))
	require.Equal(t, strings.SplitN(first.body, "\r\n", 2)[1], rest.body)
}

func TestExport_NDJSONIsAnObjectALine(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	orders := exportedOrders()
	b.engine.scan = scanOf(orders)
	a := b.do(t, call{"GET", pathExport + "?format=ndjson", "", nil})
	require.Equal(t, "application/x-ndjson", a.field(headerContentType))
	lines := strings.Split(strings.TrimSuffix(a.body, "\n"), "\n")
	require.Len(t, lines, len(orders))
	for i, o := range orders {
		var got, want map[string]any
		require.NoError(t, json.Unmarshal([]byte(lines[i]), &got))
		require.NoError(t, json.Unmarshal(wire.AppendOrder(nil, o), &want))
		want["cursor"] = wire.OrderCursor(o.ID)
		require.Equal(t, want, got)
	}
}

func TestExport_XLSXHoldsTextsAsText(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	b.server.exports.temporary = t.TempDir()
	orders := exportedOrders()
	b.engine.scan = scanOf(orders)
	a := b.do(t, call{"GET", pathExport + "?format=xlsx", "", nil})
	require.Equal(t, 200, a.status)
	file, err := excelize.OpenReader(strings.NewReader(a.body))
	require.NoError(t, err)
	defer func() { require.NoError(t, file.Close()) }()
	require.Equal(t, []string{"Orders"}, file.GetSheetList())
	rows, err := file.GetRows("Orders")
	require.NoError(t, err)
	require.Equal(t, exportColumns(), rows[0])
	require.Len(t, rows, len(orders)+1)
	note := 0
	for exportColumns()[note] != "note" {
		note++
	}
	for i, o := range orders {
		cell, err := excelize.CoordinatesToCellName(note+1, i+2)
		require.NoError(t, err)
		kind, err := file.GetCellType("Orders", cell)
		require.NoError(t, err)
		require.Equal(t, excelize.CellTypeInlineString, kind, "%q", o.Note)
		formula, err := file.GetCellFormula("Orders", cell)
		require.NoError(t, err)
		require.Empty(t, formula)
		require.Equal(t, o.ID.String(), rows[i+1][0])
		require.Equal(t, "2400", rows[i+1][6])
	}
	requireEmptied(t, b.server.exports.temporary)
}

// requireEmptied waits until a directory is empty: an answer ends a moment before its export does.
func requireEmptied(t testing.TB, dir string) {
	t.Helper()
	require.Eventually(t, func() bool {
		left, err := os.ReadDir(dir)
		return err == nil && len(left) == 0
	}, 10*time.Second, time.Millisecond)
}

func TestXLSX_GoesOnOnAnotherSheet(t *testing.T) {
	t.Parallel()
	var buf bytes.Buffer
	out := bufio.NewWriter(&buf)
	dir := t.TempDir()
	x, err := newXLSXExporter(out, dir, 4)
	require.NoError(t, err)
	for i := range 10 {
		o := sampleOrder()
		o.Note = strconv.Itoa(i)
		o.Items[0].Name = strings.Repeat("ü", cellMax)
		require.NoError(t, x.order(o))
	}
	require.NoError(t, x.end())
	require.NoError(t, x.close())
	require.NoError(t, out.Flush())
	file, err := excelize.OpenReader(&buf)
	require.NoError(t, err)
	defer func() { require.NoError(t, file.Close()) }()
	require.Equal(t, []string{"Orders", "Orders 2", "Orders 3", "Orders 4"}, file.GetSheetList())
	seen := 0
	for _, sheet := range file.GetSheetList() {
		rows, err := file.GetRows(sheet)
		require.NoError(t, err)
		require.LessOrEqual(t, len(rows), 4)
		require.Equal(t, exportColumns(), rows[0])
		for _, row := range rows[1:] {
			require.Equal(t, strconv.Itoa(seen), row[17])
			require.True(t, strings.HasSuffix(row[8], "…"))
			require.Len(t, []rune(row[8]), cellMax)
			seen++
		}
	}
	require.Equal(t, 10, seen)
	requireEmptied(t, dir)
}

// endless scans until its visitor or its context ends, and tells how it ended.
func endless(ended chan<- error) func(context.Context, func(*commerce.Order) error) error {
	return func(ctx context.Context, visit func(*commerce.Order) error) (err error) {
		defer func() { ended <- err }()
		for ctx.Err() == nil {
			if err := visit(sampleOrder()); err != nil {
				return err
			}
		}
		return ctx.Err()
	}
}

// ask sends a request for an export and reads the head of its answer.
func ask(t testing.TB, b *testBundle, query string) (net.Conn, *bufio.Reader) {
	t.Helper()
	conn, err := b.dial()
	require.NoError(t, err)
	t.Cleanup(func() { _ = conn.Close() })
	_, err = io.WriteString(conn, "GET "+pathExport+query+" HTTP/1.1\r\nHost: x\r\n\r\n")
	require.NoError(t, err)
	in := bufio.NewReader(conn)
	line, err := in.ReadString('\n')
	require.NoError(t, err)
	require.Equal(t, "HTTP/1.1 200 OK\r\n", line)
	return conn, in
}

// requireGone requires that a scan ended because nobody reads it any more.
func requireGone(t testing.TB, err error) {
	t.Helper()
	require.True(t, errors.Is(err, io.ErrClosedPipe) || errors.Is(err, context.Canceled), "%v", err)
}

func TestExport_ScanEndsWhenTheClientHangsUp(t *testing.T) {
	t.Parallel()
	b := setupTCP(t, nil)
	ended := make(chan error, 1)
	b.engine.scan = endless(ended)
	conn, _ := ask(t, b, "")
	require.NoError(t, conn.Close())
	requireGone(t, <-ended)
}

func TestExport_ScanEndsWhenTheClientReadsTooSlowly(t *testing.T) {
	t.Parallel()
	b := setupTCP(t, func(c *Config) { c.WriteTimeout = 50 * time.Millisecond })
	ended := make(chan error, 1)
	b.engine.scan = endless(ended)
	ask(t, b, "?format=ndjson")
	requireGone(t, <-ended)
}

func TestExport_ClientThatReadsMayTakeLongerThanOneWrite(t *testing.T) {
	t.Parallel()
	const timeout = 100 * time.Millisecond
	b := setupTCP(t, func(c *Config) { c.WriteTimeout = timeout })
	b.engine.scan = func(_ context.Context, visit func(*commerce.Order) error) error {
		for start := time.Now(); time.Since(start) < 5*timeout; {
			if err := visit(sampleOrder()); err != nil {
				return err
			}
		}
		return nil
	}
	a := b.do(t, call{"GET", pathExport, "", nil})
	require.Equal(t, 200, a.status)
	require.True(t, strings.HasSuffix(a.body, "\r\n"))
}

func TestExport_FailureCutsTheAnswerOff(t *testing.T) {
	t.Parallel()
	b := setupTCP(t, nil)
	b.engine.scan = func(_ context.Context, visit func(*commerce.Order) error) error {
		for range 1000 {
			if err := visit(sampleOrder()); err != nil {
				return err
			}
		}
		return errors.New("the disk is on fire")
	}
	_, in := ask(t, b, "")
	rest, err := io.ReadAll(in)
	require.NoError(t, err)
	require.False(t, strings.HasSuffix(string(rest), "0\r\n\r\n"), "the last chunk would say that it is complete")
	require.Eventually(t, func() bool { return strings.Contains(b.log.String(), "the disk is on fire") }, 10*time.Second, time.Millisecond)
}

func TestExport_OnlySoManyAtATime(t *testing.T) {
	t.Parallel()
	b := setupTCP(t, nil)
	b.server.exports.temporary = t.TempDir()
	ended := make(chan error, exportsMax)
	b.engine.scan = endless(ended)
	var open []net.Conn
	for range exportsMax {
		conn, _ := ask(t, b, "")
		open = append(open, conn)
	}
	a := b.do(t, call{"GET", pathExport + "?format=xlsx", "", nil})
	require.Equal(t, 429, a.status)
	require.Equal(t, "10", a.field("Retry-After"))
	require.Contains(t, a.body, string(codeTooManyRequests))
	require.Empty(t, a.field("Content-Disposition"))
	for _, conn := range open {
		require.NoError(t, conn.Close())
		require.Error(t, <-ended)
	}
	b.engine.scan = nil
	require.Eventually(t, func() bool {
		return b.do(t, call{"GET", pathExport, "", nil}).status == 200
	}, 10*time.Second, time.Millisecond)
}

func TestExport_ShutdownDoesNotWaitForReaders(t *testing.T) {
	t.Parallel()
	b := setupTCP(t, nil)
	b.server.exports.temporary = t.TempDir()
	ended := make(chan error, 2)
	b.engine.scan = endless(ended)
	ask(t, b, "?format=ndjson")
	go func() { // a spreadsheet is not answered before it is whole
		conn, err := b.dial()
		if err == nil {
			_, _ = io.WriteString(conn, "GET "+pathExport+"?format=xlsx HTTP/1.1\r\nHost: x\r\n\r\n")
			_, _ = io.Copy(io.Discard, conn)
			_ = conn.Close()
		}
	}()
	require.Eventually(t, func() bool {
		left, err := os.ReadDir(b.server.exports.temporary)
		return err == nil && len(left) > 0
	}, 10*time.Second, time.Millisecond)
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	require.NoError(t, b.server.Shutdown(ctx))
	require.Error(t, <-ended)
	require.Error(t, <-ended)
	requireEmptied(t, b.server.exports.temporary)
}

func TestExport_HeadSaysWhatAGetWould(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	a := b.do(t, call{"HEAD", pathExport + "?format=ndjson", "", nil})
	require.Equal(t, 200, a.status)
	require.Equal(t, "application/x-ndjson", a.field(headerContentType))
	require.Empty(t, b.engine.seen(), "nothing is scanned")
	a = b.do(t, call{"GET", pathExport + "?format=pdf", "", nil})
	require.Equal(t, 400, a.status)
	require.Contains(t, a.body, "must be one of csv, ndjson, xlsx")
}
