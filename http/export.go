package http

import (
	"bufio"
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"os"
	"runtime"
	"sync"
	"time"

	"github.com/penstock-dev/penstock/access"
	"github.com/penstock-dev/penstock/commerce"
	"github.com/penstock-dev/penstock/http/wire"
	"github.com/penstock-dev/penstock/persistence"
)

const (
	// exportsMax bounds the exports that run at the same time. Each keeps a view of the store alive.
	exportsMax = 2
	// exportTimeMax bounds an export: the store keeps the past for as long as one reads it. A client that was cut
	// off goes on with another one after the last row it has got.
	exportTimeMax = 15 * time.Minute
	// exportRetryAfter is when to ask again while as many exports run as may.
	exportRetryAfter = 10 * time.Second
	// exportCollectEvery is after how many orders garbage is collected: some 40 MB of it. The collector by itself lets the
	// heap grow to a multiple of what is live, which for a server of some hundred megabytes is more than an export may take.
	exportCollectEvery = 32 << 10
	// sheetCollectEvery is the same for spreadsheets, which make eight times as much garbage.
	sheetCollectEvery = exportCollectEvery / 8
	// exportCheckEvery is after how many orders an export's credential is looked at again: it may have been revoked.
	exportCheckEvery = 64
	// exportBuffer is how much is gathered before it is handed to the connection, in bytes.
	exportBuffer = 32 << 10
)

var errCredentialEnded = errors.New("the credential has expired or was revoked")

// The formats of exports, in the order of exportFormats.
const (
	formatCSV = iota
	formatNDJSON
	formatXLSX
)

func exportFormats() []string { return []string{"csv", "ndjson", "xlsx"} }

// exportTypes are the formats' media types.
func exportTypes() []string {
	return []string{
		"text/csv; charset=utf-8", "application/x-ndjson",
		"application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
	}
}

func exportRoute() Route {
	return Route{
		Method: "GET", Path: pathOrders + "/export", Operation: "exportOrders", Tag: "orders",
		Policy: holders(commerce.ScopeExportsRead), Class: access.ClassExport,
		Summary: "Streams orders, newest first, as they stood at one moment. Every row of csv and ndjson ends with a cursor: " +
			"an export that was cut off goes on after it.",
		Parameters: append(append([]Parameter{
			{
				Name: "format", In: InQuery, Kind: KindWord, Words: exportFormats(), Default: exportFormats()[formatCSV],
				Description: "How orders are written: a row each, or a JSON object each as GET /orders/{id} shows it.",
			},
			{
				Name: "bom", In: InQuery, Kind: KindBoolean, Default: "false",
				Description: "csv: begin with a byte order mark, by which Excel knows UTF-8.",
			},
		}, orderFilters()...), Parameter{
			Name: "cursor", In: InQuery, Kind: KindOrderCursor,
			Description: "The cursor of the last row you have got: only what comes after it, and of csv no header.",
		}),
		Answers: []Answer{{
			Status: 200, Type: exportTypes()[formatCSV], OtherTypes: exportTypes()[formatCSV+1:],
			Description: "The orders, in the format's media type. One that ends before its last chunk is not complete.",
		}},
		Problems: readProblems(codeTooManyRequests),
		Handle:   (*Server).exportOrders,
	}
}

// exporter writes orders in some format.
type exporter interface {
	// order writes one order.
	order(o *commerce.Order) error
	// end writes what comes after the last one.
	end() error
	// close releases what the exporter holds, however the export went.
	close() error
}

// exports are those that run.
type exports struct {
	life context.Context //nolint:containedctx // of all of them: shutting down ends it
	stop context.CancelFunc
	wait sync.WaitGroup

	temporary string // where temporary files go
	mu        struct {
		sync.Mutex
		running int
		stopped bool
	}
}

func newExports() *exports {
	e := &exports{temporary: os.TempDir()}
	e.life, e.stop = context.WithCancel(context.Background())
	return e
}

// begin takes a place, if there is one.
func (e *exports) begin() bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.mu.stopped || e.mu.running == exportsMax {
		return false
	}
	e.mu.running++
	e.wait.Add(1)
	return true
}

func (e *exports) end() {
	e.mu.Lock()
	e.mu.running--
	e.mu.Unlock()
	e.wait.Done()
}

// close ends all exports and waits for them.
func (e *exports) close() {
	e.mu.Lock()
	e.mu.stopped = true
	e.mu.Unlock()
	e.stop()
	e.wait.Wait()
}

func (s *Server) exportOrders(r *request) error {
	q, err := r.orderQuery()
	if err == nil {
		_, err = r.by.Sees(q.Customer) // now, while it can still be refused
	}
	if err != nil {
		return err
	}
	format := int(r.value("format").number)
	header := &r.ctx.Response.Header
	header.SetCanonical(r.keys.cacheControl, r.keys.noStore)
	header.Set("Content-Disposition", `attachment; filename="orders.`+exportFormats()[format]+`"`)
	if r.ctx.IsHead() {
		r.answer(200, exportTypes()[format], nil)
		return nil
	}
	if err := s.recordAudit(r, commerce.AuditOrdersExported); err != nil {
		header.Del("Content-Disposition")
		return err
	}
	if !s.exports.begin() {
		header.Del("Content-Disposition")
		return &commerce.Error{
			Code: codeTooManyRequests, RetryAfter: exportRetryAfter,
			Detail: "as many exports are running as may; wait for one to end",
		}
	}
	ctx, cancel := context.WithTimeout(s.exports.life, exportTimeMax)
	read, write := io.Pipe()
	x := &export{
		server: s, by: r.by, identity: r.identity, query: q, format: format, bom: r.value("bom").number == 1, out: write,
		body: &exportBody{PipeReader: read, conn: r.ctx.Conn(), timeout: s.cfg.WriteTimeout, life: ctx, end: cancel},
		log:  s.log.With("correlation_id", r.correlation, "user_id", r.caller),
	}
	go func() {
		defer s.exports.end()
		x.run(ctx)
	}()
	r.ctx.Response.SetStatusCode(200)
	header.SetContentType(exportTypes()[format])
	r.ctx.Response.SetBodyStream(x.body, -1)
	return nil
}

// exportBody is the body of an export's answer. A client may take its time for all of it, but not for each part.
type exportBody struct {
	*io.PipeReader
	conn    net.Conn
	timeout time.Duration
	life    context.Context //nolint:containedctx // of the export
	end     context.CancelFunc
}

// Read implements io.Reader. What it returns is written to the connection next.
func (b *exportBody) Read(p []byte) (int, error) {
	n, err := b.PipeReader.Read(p)
	if n > 0 && b.timeout > 0 {
		_ = b.conn.SetWriteDeadline(time.Now().Add(b.timeout)) // fails when it is closed: so will the write
	}
	if b.life.Err() != nil {
		b.cutOff()
	}
	return n, err
}

// Close implements io.Closer. The server calls it when the answer is complete, or cannot be written any more.
func (b *exportBody) Close() error {
	b.end()
	return b.PipeReader.Close()
}

// cutOff ends the answer, also if its client reads nothing.
func (b *exportBody) cutOff() {
	_ = b.CloseWithError(context.Cause(b.life)) // never fails
	_ = b.conn.SetWriteDeadline(time.Now())
}

// export is one export on its way.
type export struct {
	server *Server
	by     commerce.Principal
	// identity is looked at again while rows go out; nil when nothing had to be proved.
	identity *access.Identity
	query    persistence.OrderQuery
	format   int
	bom      bool
	body     *exportBody
	out      *io.PipeWriter
	log      *slog.Logger
	rows     int64
}

// run writes the export. An error cuts the answer off, so that nobody takes it for complete.
func (x *export) run(ctx context.Context) {
	start := time.Now()
	stop := context.AfterFunc(ctx, x.body.cutOff)
	err := x.write(ctx)
	stop()                        // before the end is told: what follows on the connection is another answer's
	_ = x.out.CloseWithError(err) // never fails
	attrs := []any{slog.Int64("rows", x.rows), slog.Float64("duration_ms", float64(time.Since(start).Microseconds())/1e3)}
	switch {
	case err == nil:
		x.log.Info("export ended", attrs...)
	case errors.Is(err, io.ErrClosedPipe), errors.Is(err, context.Canceled) && x.server.exports.life.Err() == nil:
		x.log.Info("export ended: the client hung up, or read too slowly", attrs...)
	default:
		x.log.Warn("export was cut off", append(attrs, slog.Any("error", err))...)
	}
}

func (x *export) write(ctx context.Context) (err error) {
	out := bufio.NewWriterSize(x.out, exportBuffer)
	to, err := x.exporter(out)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, to.close()) }()
	collectEvery := int64(exportCollectEvery)
	if x.format == formatXLSX {
		collectEvery = sheetCollectEvery
	}
	err = x.server.cfg.Engine.ScanOrders(ctx, &x.by, x.query, func(o *commerce.Order) error {
		if x.rows%exportCheckEvery == 0 && x.identity != nil && !x.server.cfg.Access.Valid(x.identity) {
			return errCredentialEnded
		}
		if x.rows++; x.rows%collectEvery == 0 {
			runtime.GC()
		}
		return to.order(o)
	})
	if err != nil {
		return err
	}
	if err := to.end(); err != nil {
		return err
	}
	return out.Flush()
}

// exporter returns what writes the export's format.
func (x *export) exporter(out *bufio.Writer) (exporter, error) {
	switch x.format {
	case formatCSV:
		return newCSVExporter(out, x.bom, x.query.Before.IsZero())
	case formatXLSX:
		return newXLSXExporter(out, x.server.exports.temporary, sheetRowsMax)
	default:
		return &ndjsonExporter{out: out}, nil
	}
}

// ndjsonExporter writes a JSON object a line: the order, and its cursor as the last member.
type ndjsonExporter struct {
	out  *bufio.Writer
	line []byte
}

func (x *ndjsonExporter) order(o *commerce.Order) error {
	x.line = wire.AppendOrder(x.line[:0], o)
	x.line = append(x.line[:len(x.line)-1], `,"cursor":"`...)
	x.line = wire.AppendOrderCursor(x.line, o.ID)
	x.line = append(x.line, "\"}\n"...)
	_, err := x.out.Write(x.line)
	return err
}

func (x *ndjsonExporter) end() error { return nil }

func (x *ndjsonExporter) close() error { return nil }
