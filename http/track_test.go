package http

import (
	"context"
	"fmt"
	"net"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/require"

	"github.com/penstock-dev/penstock/commerce"
	"github.com/penstock-dev/penstock/internal/browser"
)

func TestTrackPage_HoldsNothingButTheOrdersID(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	a := b.do(t, call{"GET", "/orders/" + sampleID(1).String() + "/track?utm_source=mail", "", nil})
	require.Equal(t, 200, a.status)
	require.Equal(t, "text/html; charset=utf-8", a.field("Content-Type"))
	require.Contains(t, a.body, `data-order="`+sampleID(1).String()+`"`)
	require.NotContains(t, a.body, "{order}")
	policy := a.field("Content-Security-Policy")
	require.Contains(t, policy, "default-src 'none'")
	require.NotContains(t, policy, "unsafe")
	require.Equal(t, "no-referrer", a.field("Referrer-Policy"))
	for _, inline := range []string{"<style", "style=", "onclick", "<script>"} {
		require.NotContains(t, a.body, inline)
	}
	require.Equal(t, 404, b.do(t, call{"GET", "/orders/" + sampleID(9).String() + "/track", "", nil}).status)
	require.Equal(t, 400, b.do(t, call{"GET", "/orders/7/track", "", nil}).status)
}

func TestTrackPage_FilesAreKeptByTheirETag(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	size := 0
	for path, kind := range map[string]string{"/assets/track.css": "text/css", "/assets/track.js": "text/javascript"} {
		a := b.do(t, call{"GET", path, "", nil})
		require.Equal(t, 200, a.status)
		require.Contains(t, a.field("Content-Type"), kind)
		size += len(a.body)
		again := b.do(t, call{"GET", path, "", []string{headerIfNoneMatch, a.field("ETag")}})
		require.Equal(t, 304, again.status)
		require.Empty(t, again.body)
	}
	require.Less(t, size, 24<<10, "a page for phones")
}

// Chromium follows an order from placed to delivered, over a restart of the server in between.
func TestTrackPage_FollowsAnOrderLive(t *testing.T) {
	t.Parallel()
	s := setupShop(t)
	o := s.place(t, "kim")
	conn, err := s.dial()
	require.NoError(t, err)
	address := conn.RemoteAddr().String()
	require.NoError(t, conn.Close())
	b := browser.Start(t)
	link := fmt.Sprintf("http://%s/orders/%s/track", address, o.ID)
	page := b.Open(t, link, browser.Phone("dark"))
	headline := func(text string) {
		t.Helper()
		page.Wait(fmt.Sprintf("document.getElementById('headline').textContent === %q", text))
	}
	live := func() {
		t.Helper()
		page.Wait("document.getElementById('link').dataset.state === 'live'")
	}
	headline("Your order is placed")
	live()
	page.Wait("document.querySelector('#items li').textContent.startsWith('1 × Kettle')")
	page.Shoot("track-placed")
	s.move(t, o.ID, commerce.StatusPaid)
	headline("Your payment has arrived")
	page.Wait("document.getElementById('news').textContent === 'Your payment has arrived'")

	// The server restarts, and the order goes on before the page is back.
	require.NoError(t, s.server.Shutdown(context.WithoutCancel(t.Context())))
	page.Wait("document.getElementById('link').dataset.state === 'lost'")
	s.move(t, o.ID, commerce.StatusProcessing, commerce.StatusShipped)
	s.restart(t, address)
	headline("Your order is on its way")
	page.Wait("document.querySelector('[aria-current=step]').textContent === 'Shipped'")
	page.Wait("document.getElementById('number').textContent === '7'")
	live()
	s.move(t, o.ID, commerce.StatusDelivered)
	headline("Your order has been delivered")
	types := browser.Evaluate[string](page, "[...document.querySelectorAll('#events b')].map(e => e.textContent).join()")
	require.Equal(t, "Delivered,Handed to the carrier,Being prepared,Payment received,Order placed", types)
	page.Shoot("track-delivered")
	page.Look(browser.Desktop("light"))
	page.Shoot("track-delivered-desktop")
	wide := browser.Evaluate[bool](page, "document.documentElement.scrollWidth > innerWidth")
	require.False(t, wide)

	missing := b.Open(t, strings.Replace(link, o.ID.String(), sampleID(9).String(), 1), browser.Desktop("light"))
	missing.Wait("document.getElementById('headline').textContent === 'There is no such order'")
	cancelled := s.place(t, "lee")
	s.move(t, cancelled.ID, commerce.StatusCancelled)
	off := b.Open(t, strings.Replace(link, o.ID.String(), cancelled.ID.String(), 1), browser.Phone("light"))
	off.Wait("document.getElementById('headline').textContent === 'Your order was cancelled'")
	off.Wait("document.getElementById('state').textContent === 'Nothing more will change'")
	off.Shoot("track-cancelled")
	off.RequireQuiet()
}

// restart serves the shop's engine again, on an address that it had before.
func (s *shop) restart(t *testing.T, address string) {
	t.Helper()
	ln, err := net.Listen("tcp", address)
	require.NoError(t, err)
	registry := prometheus.NewPedanticRegistry()
	again, err := New(Config{Engine: s.engine, Logger: s.server.cfg.Logger, Gatherer: registry, Registerer: registry})
	require.NoError(t, err)
	served := make(chan error, 1)
	go func() { served <- again.Serve(ln) }()
	t.Cleanup(func() {
		require.NoError(t, again.Shutdown(context.WithoutCancel(t.Context())))
		require.NoError(t, <-served)
	})
}
