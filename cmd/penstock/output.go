package main

import (
	"errors"
	"fmt"
	"io"
)

// output is the stream of results. It remembers the first failure, so that a command need not look
// at every line it prints: results that got lost must not end with the exit code 0. One goroutine
// uses it.
type output struct {
	w   io.Writer
	err error
}

// Write implements io.Writer.
func (o *output) Write(b []byte) (int, error) {
	n, err := o.w.Write(b)
	if err != nil && o.err == nil {
		o.err = err
	}
	return n, err
}

// judge returns what a command ended with, which is a failure to write where nothing worse is said.
func (o *output) judge(err error) error {
	if o.err == nil {
		return err
	}
	if err == nil || errors.Is(err, errHelp) || errors.Is(err, errNotWell) || errors.Is(err, o.err) {
		return &exitError{code: exitIO, err: fmt.Errorf("write the result: %w", o.err)}
	}
	return err
}
