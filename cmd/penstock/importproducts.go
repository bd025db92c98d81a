package main

import (
	"context"
	"errors"
	"fmt"
	"os"

	"github.com/penstock-dev/penstock/internal/csvfile"
	"github.com/penstock-dev/penstock/internal/productimport"
	"github.com/penstock-dev/penstock/internal/progress"
)

// faultsShownMax bounds the faults that a command lists; the summary counts all.
const faultsShownMax = 100

// importProductsCommand brings products into a running server.
type importProductsCommand struct {
	File string `arg:"" help:"CSV file with the columns product_id, category, price_minor, currency, stock, and maybe name and description."`

	clientOptions
	Concurrency int  `default:"64" help:"Requests at a time, 1 to 1024."`
	Stop        bool `help:"End at the first row that does not get in."`
	JSON        bool `name:"json" help:"Print the summary as JSON."`
}

// Help explains the file.
func (c *importProductsCommand) Help() string {
	return "The product_id becomes the SKU. A product whose SKU exists is already there and is not changed, so an import may be repeated. " +
		"A product without a name is called by its category and the first eight digits of its id."
}

// Validate is called by kong.
func (c *importProductsCommand) Validate() error { return validConcurrency(c.Concurrency) }

func validConcurrency(n int) error {
	if n < 1 || n > 1024 {
		return fmt.Errorf("--concurrency must be from 1 to 1024, but is %d", n)
	}
	return nil
}

// Run imports the file.
func (c *importProductsCommand) Run(ctx context.Context, p *process) error {
	file, size, err := openInput(c.File)
	if err != nil {
		return err
	}
	defer file.Close() //nolint:errcheck // it is only read
	server, err := c.connect(p, c.Target, c.User, c.Concurrency)
	if err != nil {
		return err
	}
	defer server.Close()

	bar := progress.Start(progress.Config{Out: p.stderr, Log: p.log, What: "importing products", Unit: "rows"})
	faults := faultList{p: p, bar: bar}
	summary, err := productimport.Run(ctx, productimport.Config{
		Creator: server, File: c.File, Input: file, Concurrency: c.Concurrency, Stop: c.Stop,
		Fault:    func(f *csvfile.Error) { faults.add(f) },
		Repeated: func(f *csvfile.Error) { faults.add(f) },
		Progress: func(rows, bytes int64) { bar.Set(rows, part(bytes, size)) },
	})
	bar.Done()
	faults.end()
	if printed := c.printSummary(p, summary); printed != nil {
		return printed
	}
	if err != nil {
		return err
	}
	if summary.Failed > 0 {
		return errNotWell
	}
	return nil
}

func (c *importProductsCommand) printSummary(p *process, s productimport.Summary) error {
	if c.JSON {
		return p.printJSON(s)
	}
	p.printf("%s products in %s: %s created, %s already there, %s failed\n", progress.Count(s.Rows()), c.File,
		progress.Count(s.Created), progress.Count(s.Already), progress.Count(s.Failed))
	return nil
}

// openInput opens an input file and tells its size in bytes, 0 when it has none, like a pipe.
func openInput(name string) (*os.File, int64, error) {
	file, err := os.Open(name)
	if err != nil {
		return nil, 0, &exitError{code: exitNoInput, err: err}
	}
	info, err := file.Stat()
	if err == nil && info.IsDir() {
		err = fmt.Errorf("%s is a directory, not a CSV file", name)
	}
	if err != nil {
		return nil, 0, &exitError{code: exitNoInput, err: errors.Join(err, file.Close())}
	}
	if !info.Mode().IsRegular() {
		return file, 0, nil
	}
	return file, info.Size(), nil
}

// part returns which part of the work is done, or a negative number when nobody knows.
func part(done, all int64) float64 {
	if all <= 0 {
		return -1
	}
	return float64(done) / float64(all)
}

// faultList shows the first faults of a command, above its progress bar.
type faultList struct {
	p     *process
	bar   *progress.Progress
	count int
}

func (l *faultList) add(fault error) {
	l.count++
	if l.count <= faultsShownMax {
		l.bar.Done() // it draws itself again below
		fmt.Fprintln(l.p.stderr, fault)
	}
}

// end says how many faults were not shown.
func (l *faultList) end() {
	if more := l.count - faultsShownMax; more > 0 {
		fmt.Fprintf(l.p.stderr, "… and %s more\n", progress.Count(int64(more)))
	}
}
