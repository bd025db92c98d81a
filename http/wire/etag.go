package wire

import (
	"errors"
	"strconv"
	"strings"
)

// AppendProductETag appends the entity tag of a product with its stock: "12-3407". A merchant's
// edit is guarded by the first number alone, so that a sale does not disturb it.
func AppendProductETag(dst []byte, product, stock uint64) []byte {
	dst = append(dst, '"')
	dst = strconv.AppendUint(dst, product, 10)
	dst = append(dst, '-')
	dst = strconv.AppendUint(dst, stock, 10)
	return append(dst, '"')
}

// AppendOrderETag appends the entity tag of an order: "3".
func AppendOrderETag(dst []byte, version uint64) []byte {
	dst = append(dst, '"')
	dst = strconv.AppendUint(dst, version, 10)
	return append(dst, '"')
}

// etagsMax bounds the entity tags of one condition.
const etagsMax = 16

var errBadIfMatch = errors.New(`must be * or the ETag of the product, like "12-3407"`)

// IfMatch is the condition of a change to a product.
type IfMatch struct {
	Any      bool     // *: whatever the version is, as long as the product exists
	Versions []uint64 // of the product; any of them will do
}

// Allows reports whether the condition holds for a product's version.
func (m IfMatch) Allows(version uint64) bool {
	if m.Any {
		return true
	}
	for _, v := range m.Versions {
		if v == version {
			return true
		}
	}
	return false
}

// ParseIfMatch reads an If-Match field: *, or a list of products' entity tags, weak or strong. Of
// each tag only the first number counts.
func ParseIfMatch(field string) (IfMatch, error) {
	if strings.TrimSpace(field) == "*" {
		return IfMatch{Any: true}, nil
	}
	var m IfMatch
	for tag := range strings.SplitSeq(field, ",") {
		version, ok := parseProductETag(strings.TrimSpace(tag))
		if !ok || len(m.Versions) == etagsMax {
			return IfMatch{}, errBadIfMatch
		}
		m.Versions = append(m.Versions, version)
	}
	return m, nil
}

func parseProductETag(tag string) (version uint64, ok bool) {
	tag = strings.TrimPrefix(tag, "W/")
	if len(tag) < 2 || tag[0] != '"' || tag[len(tag)-1] != '"' {
		return 0, false
	}
	product, stock, two := strings.Cut(tag[1:len(tag)-1], "-")
	version, ok = parseCount(product)
	if two && ok {
		_, ok = parseCount(stock)
	}
	return version, ok
}

// parseCount reads a version as it is written: digits alone, without a sign or leading zeros.
func parseCount(s string) (uint64, bool) {
	if s == "" || len(s) > 1 && s[0] == '0' || s[0] == '+' || s[0] == '-' {
		return 0, false
	}
	v, err := strconv.ParseUint(s, 10, 64)
	return v, err == nil
}

// MatchesETag reports whether an If-None-Match field names the entity tag: the caller has this
// version already. A field that cannot be read names nothing.
func MatchesETag(field string, etag []byte) bool {
	if strings.TrimSpace(field) == "*" {
		return true
	}
	n := 0
	for tag := range strings.SplitSeq(field, ",") {
		if n++; n > etagsMax {
			return false
		}
		if strings.TrimPrefix(strings.TrimSpace(tag), "W/") == string(etag) {
			return true
		}
	}
	return false
}
