package http

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"path"

	"github.com/penstock-dev/penstock/access"
	"github.com/penstock-dev/penstock/commerce"
	"github.com/penstock-dev/penstock/web"
)

const (
	pathDashboard = pathBenchmarks + "/dashboard"
	fileNameMax   = 100
)

func dashboardRoutes() []Route {
	return []Route{
		{
			Method: "GET", Path: pathDashboard, Operation: "showDashboard", Tag: "benchmarks",
			Policy: anybody(), Class: access.ClassRead,
			Summary: "A page for people: runs benchmarks, shows and compares results.", AnyQuery: true,
			Answers: []Answer{{Status: 200, Type: contentTypeHTML, Headers: []string{"ETag"}, Description: "The page."}, {
				Status: 304, Headers: []string{"ETag"}, Description: "It is still the same.",
			}},
			Handle: (*Server).showDashboard,
		},
		{
			Method: "GET", Path: pathDashboard + "/files/{file}", Operation: "getDashboardFile", Tag: "benchmarks",
			Policy: anybody(), Class: access.ClassRead,
			Summary: "What the page loads.", AnyQuery: true,
			Parameters: []Parameter{{Name: "file", In: InPath, Kind: KindText, Max: fileNameMax, Required: true, Description: "The file's name."}},
			Answers:    []Answer{{Status: 200, Type: "*/*", Description: "The file, which never changes under this name."}},
			Problems:   []commerce.Code{commerce.CodeNotFound},
			Handle:     (*Server).getDashboardFile,
		},
	}
}

// siteFile is a file for browsers, ready to be sent.
type siteFile struct {
	contentType string
	plain       []byte
	zipped      []byte
	tag         []byte // its entity tag, a digest
}

// site is a page and what it loads.
type site struct {
	page  siteFile
	files map[string]siteFile
}

// openDashboard prepares the dashboard.
func openDashboard() (*site, error) {
	built, err := web.Dashboard()
	if err != nil {
		return nil, fmt.Errorf("open the dashboard: %w", err)
	}
	return newSite(built)
}

// newSite prepares the pages that web has built.
func newSite(built *web.Site) (*site, error) {
	s := &site{files: make(map[string]siteFile)}
	var err error
	if s.page, err = newSiteFile(contentTypeHTML, built.Page); err != nil {
		return nil, err
	}
	for name, content := range built.Files {
		if s.files[name], err = newSiteFile(siteContentType(name), content); err != nil {
			return nil, err
		}
	}
	return s, nil
}

func newSiteFile(contentType string, content []byte) (siteFile, error) {
	var zipped bytes.Buffer
	w, err := gzip.NewWriterLevel(&zipped, gzip.BestCompression)
	if err == nil {
		_, err = w.Write(content)
	}
	if err == nil {
		err = w.Close()
	}
	if err != nil {
		return siteFile{}, fmt.Errorf("compress a page: %w", err)
	}
	digest := sha256.Sum256(content)
	return siteFile{
		contentType: contentType, plain: content, zipped: zipped.Bytes(),
		tag: []byte(`"` + hex.EncodeToString(digest[:8]) + `"`),
	}, nil
}

func siteContentType(name string) string {
	switch path.Ext(name) {
	case ".js":
		return contentTypeScript
	case ".css":
		return contentTypeStyle
	case ".svg":
		return "image/svg+xml"
	default:
		return "application/octet-stream"
	}
}

func (s *Server) showDashboard(r *request) error {
	site, err := s.dashboard()
	if err != nil {
		return err
	}
	r.setPage()
	header := &r.ctx.Response.Header
	header.Set("Vary", "Accept-Encoding") // also of a 304 (RFC 9110, 15.4.5)
	r.tag = append(r.tag[:0], site.page.tag...)
	header.SetCanonical(r.keys.etag, append([]byte("W/"), r.tag...)) // weak: it may be compressed or not
	if r.unchanged() {
		return nil
	}
	header.SetCanonical(r.keys.cacheControl, r.keys.noCache)
	r.answerFile(&site.page)
	return nil
}

func (s *Server) getDashboardFile(r *request) error {
	site, err := s.dashboard()
	if err != nil {
		return err
	}
	file, ok := site.files[r.value("file").text]
	if !ok {
		return &commerce.Error{Code: commerce.CodeNotFound, Detail: "there is no such file; reload the page"}
	}
	r.ctx.Response.Header.SetCanonical(r.keys.cacheControl, []byte("public, max-age=31536000, immutable"))
	r.answerFile(&file)
	return nil
}

// answerFile answers with a file, compressed if the caller reads that.
func (r *request) answerFile(file *siteFile) {
	header := &r.ctx.Response.Header
	header.Set("Vary", "Accept-Encoding")
	content := file.plain
	if r.ctx.Request.Header.HasAcceptEncoding("gzip") {
		header.Set("Content-Encoding", "gzip")
		content = file.zipped
	}
	r.answerShared(file.contentType, content)
}
