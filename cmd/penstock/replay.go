package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/penstock-dev/penstock/internal/orderreplay"
	"github.com/penstock-dev/penstock/internal/progress"
)

// replayCommand places the orders of a file in a running server.
type replayCommand struct {
	File string `arg:"" help:"CSV file with the columns order_id, placed_at, product_id, quantity, unit_price_minor; the lines of an order one after another."`

	clientOptions
	Concurrency int    `default:"64" help:"Requests at a time, 1 to 1024."`
	Answers     string `placeholder:"FILE" help:"Keep the first answer to each order in this file, and compare every later one with it."`
	JSON        bool   `name:"json" help:"Print the summary as JSON."`
}

// Help explains the file.
func (c *replayCommand) Help() string {
	return "Products are found by their SKU, the file's product_id. The order_id is the idempotency key, so a second replay places nothing and gets the first answers again. " +
		"The price is only compared. All orders go to one made-up address, and the server's clock dates them."
}

// Validate is called by kong.
func (c *replayCommand) Validate() error { return validConcurrency(c.Concurrency) }

// replayed is the result of a replay.
type replayed struct {
	orderreplay.Summary

	Answers *orderreplay.Comparison `json:"answers,omitempty"`
	Seconds float64                 `json:"seconds"`
}

// Run replays the file.
func (c *replayCommand) Run(ctx context.Context, p *process) error {
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
	var answers *orderreplay.Answers
	if c.Answers != "" {
		if answers, err = orderreplay.OpenAnswers(c.Answers); err != nil {
			return err
		}
	}

	begun := time.Now()
	bar := progress.Start(progress.Config{Out: p.stderr, Log: p.log, What: "replaying orders", Unit: "orders"})
	refused := faultList{p: p, bar: bar}
	var result replayed
	result.Summary, err = orderreplay.Run(ctx, orderreplay.Config{
		Server: server, File: c.File, Input: file, Concurrency: c.Concurrency, Answers: answers,
		Refused:  func(key string, err error) { refused.add(fmt.Errorf("order %s: %w", key, err)) },
		Progress: func(orders, bytes int64) { bar.Set(orders, part(bytes, size)) },
	})
	bar.Done()
	refused.end()
	result.Seconds = time.Since(begun).Seconds()
	if answers != nil {
		err = errors.Join(err, answers.Save())
		compared := answers.Compared()
		result.Answers = &compared
	}
	return c.conclude(p, &result, err)
}

// conclude prints the result and judges it.
func (c *replayCommand) conclude(p *process, result *replayed, err error) error {
	if c.JSON {
		if printed := p.printJSON(result); printed != nil {
			return printed
		}
	} else {
		p.printf("%s", result.text(c.File))
	}
	switch {
	case err != nil:
		return err
	case result.RefusedAll() > 0, result.Answers != nil && result.Answers.Different > 0:
		return errNotWell
	}
	return nil
}

func (r *replayed) text(file string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s orders (%s lines) in %s: %s placed, %s replayed, %s refused, %s retried, in %.1f s\n",
		progress.Count(r.Orders), progress.Count(r.Lines), file, progress.Count(r.Placed), progress.Count(r.Replayed),
		progress.Count(r.RefusedAll()), progress.Count(r.Retried), r.Seconds)
	for _, code := range slices.Sorted(maps.Keys(r.Refused)) {
		fmt.Fprintf(&b, "refused: %s %s\n", progress.Count(r.Refused[code]), code)
	}
	if a := r.Answers; a != nil {
		fmt.Fprintf(&b, "answers: %s equal to the first ones, %s new, %s different\n",
			progress.Count(a.Equal), progress.Count(a.New), progress.Count(a.Different))
		for _, difference := range a.Differences {
			fmt.Fprintf(&b, "different: %s\n", difference)
		}
	}
	return b.String()
}
