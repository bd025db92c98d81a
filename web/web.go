// Package web holds the pages that the server gives to browsers, as `make web` has built them from the
// TypeScript beside this file. Where they have not been built, which needs Node, there is a page that
// says how to get them: the server runs all the same.
//
// How pages are served, under which paths and with which header fields, belongs to http. The package
// imports nothing of this module.
package web

import (
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"path"
)

// static holds placeholder.html, which is in the repository, and app, which make web builds.
//
//go:embed static
var static embed.FS

const (
	built       = "static/app"
	placeholder = "static/placeholder.html"
)

// Site is one page and the files that it loads.
type Site struct {
	Page  []byte            // HTML
	Files map[string][]byte // by name; a name holds a digest of its content and no slash
	Built bool              // false: Page is the placeholder, and there are no files
}

// Dashboard returns the page of benchmarks. Its files must be served below the page's own path, under
// their names.
func Dashboard() (*Site, error) {
	page, err := static.ReadFile(built + "/index.html")
	if errors.Is(err, fs.ErrNotExist) {
		page, err = static.ReadFile(placeholder)
		return &Site{Page: page}, err
	}
	if err != nil {
		return nil, fmt.Errorf("read the page: %w", err)
	}
	site := &Site{Page: page, Files: make(map[string][]byte), Built: true}
	entries, err := static.ReadDir(built + "/files")
	if err != nil {
		return nil, fmt.Errorf("list the page's files: %w", err)
	}
	for _, entry := range entries {
		content, err := static.ReadFile(path.Join(built, "files", entry.Name()))
		if err != nil {
			return nil, fmt.Errorf("read a file of the page: %w", err)
		}
		site.Files[entry.Name()] = content
	}
	return site, nil
}
