package http

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/penstock-dev/penstock/commerce"
	"github.com/penstock-dev/penstock/persistence"
)

// caches keep what public reads are answered with.
type caches struct {
	products renderedProducts
	fields   publicFields
}

func newCaches(cfg *Config) (*caches, error) {
	c := &caches{fields: newPublicFields(cfg)}
	c.products.init(int64(cfg.ProductCacheMax))
	return c, errors.Join(
		cfg.Registerer.Register(&cacheCollector{&c.products}),
		cfg.Registerer.Register(prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Name: "penstock_http_product_cache_bytes", Help: "Bytes of rendered products that are kept.",
		}, func() float64 { return float64(c.products.bytes.Load()) })),
	)
}

// cacheCollector tells how often a rendered product was there.
type cacheCollector struct{ products *renderedProducts }

func (c *cacheCollector) desc() *prometheus.Desc {
	return prometheus.NewDesc("penstock_http_product_cache_requests_total",
		"Rendered products asked for, by whether they were kept.", []string{"result"}, nil)
}

// Describe implements prometheus.Collector.
func (c *cacheCollector) Describe(ch chan<- *prometheus.Desc) { ch <- c.desc() }

// Collect implements prometheus.Collector.
func (c *cacheCollector) Collect(ch chan<- prometheus.Metric) {
	desc := c.desc()
	ch <- prometheus.MustNewConstMetric(desc, prometheus.CounterValue, float64(c.products.hits.Load()), "hit")
	ch <- prometheus.MustNewConstMetric(desc, prometheus.CounterValue, float64(c.products.misses.Load()), "miss")
}

// pageDigest names what a page shows: pages with the same digest have the same body.
type pageDigest [16]byte

// digestPage makes the digest of a page. buf is memory to work in; it is returned for the next use.
func digestPage(buf []byte, rows []persistence.ProductRow, page, perPage, total int) (pageDigest, []byte) {
	buf = binary.LittleEndian.AppendUint64(buf[:0], uint64(page)) //nolint:gosec // not negative
	buf = binary.LittleEndian.AppendUint64(buf, uint64(perPage))  //nolint:gosec // not negative
	buf = binary.LittleEndian.AppendUint64(buf, uint64(total))    //nolint:gosec // not negative
	for i := range rows {
		buf = append(buf, rows[i].Product.ID[:]...)
		buf = binary.LittleEndian.AppendUint64(buf, rows[i].Product.Version)
		buf = binary.LittleEndian.AppendUint64(buf, rows[i].Stock.Version)
	}
	return digestBytes(buf), buf
}

func digestBytes(b []byte) pageDigest {
	sum := sha256.Sum256(b)
	return pageDigest(sum[:len(pageDigest{})])
}

// appendETag appends the entity tag of a page.
func (d pageDigest) appendETag(dst []byte) []byte {
	dst = append(dst, '"')
	dst = base64.RawURLEncoding.AppendEncode(dst, d[:])
	return append(dst, '"')
}

// publicFields are the header fields of answers that are the same for everybody.
type publicFields struct {
	cacheControlKey, cacheControl       []byte
	sharedKey, shared                   []byte // CDN-Cache-Control (RFC 9213); shared is nil when shared caches have to ask too
	varyKey, vary                       []byte
	surrogateKey, productKey, listedKey []byte
}

// newPublicFields writes the fields once. Browsers and proxies may keep an answer but ask each time whether
// it still holds: after the answer to a command everybody reads what it did. A CDN, which can be told
// to forget, may answer by itself for a moment.
func newPublicFields(cfg *Config) publicFields {
	f := publicFields{
		cacheControlKey: []byte("Cache-Control"), cacheControl: []byte("public, no-cache"),
		sharedKey: []byte("Cdn-Cache-Control"),
		varyKey:   []byte("Vary"), vary: []byte("Accept-Encoding"),
		surrogateKey: []byte("Surrogate-Key"), productKey: []byte("product-"), listedKey: []byte("product-lists"),
	}
	if cfg.SharedMaxAge > 0 {
		f.shared = append(f.shared, "max-age="...)
		f.shared = strconv.AppendInt(f.shared, int64(cfg.SharedMaxAge/time.Second), 10)
		if cfg.SharedStale > 0 {
			f.shared = append(f.shared, ", stale-while-revalidate="...)
			f.shared = strconv.AppendInt(f.shared, int64(cfg.SharedStale/time.Second), 10)
		}
	}
	return f
}

// setPublic says that the answer may be kept, by whom, and under which key it is forgotten.
func (r *request) setPublic(f *publicFields, key []byte) {
	header := &r.ctx.Response.Header
	header.SetCanonical(f.cacheControlKey, f.cacheControl)
	if f.shared != nil {
		header.SetCanonical(f.sharedKey, f.shared)
	}
	header.SetCanonical(f.varyKey, f.vary)
	header.SetCanonical(f.surrogateKey, key)
}

// setProductPublic is setPublic for what shows one product.
func (r *request) setProductPublic(f *publicFields, id commerce.ID) {
	r.buf = id.AppendText(append(r.buf[:0], f.productKey...))
	r.setPublic(f, r.buf)
}

// notModified answers 304 when the caller has this version already.
func (r *request) notModified() bool {
	if !r.hasTag() {
		return false
	}
	r.ctx.Response.SetStatusCode(304)
	return true
}
