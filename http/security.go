package http

import "github.com/valyala/fasthttp"

// securityLines are the fields that every answer carries, for answers whose header is written by hand.
const securityLines = "X-Content-Type-Options: nosniff\r\nReferrer-Policy: no-referrer\r\nCross-Origin-Resource-Policy: same-origin\r\n"

// strictTransport tells browsers not to come without encryption for a year.
const strictTransport = "max-age=31536000"

// securityFields are those fields and their values, made once.
type securityFields struct {
	options, noSniff, referrer, noReferrer, resource, sameOrigin []byte
	transport, transportValue                                    []byte // nil when nothing is encrypted
}

func newSecurityFields(encrypted bool) securityFields {
	f := securityFields{
		options: []byte("X-Content-Type-Options"), noSniff: []byte("nosniff"),
		referrer: []byte("Referrer-Policy"), noReferrer: []byte("no-referrer"),
		resource: []byte("Cross-Origin-Resource-Policy"), sameOrigin: []byte("same-origin"),
	}
	if encrypted {
		f.transport, f.transportValue = []byte("Strict-Transport-Security"), []byte(strictTransport)
	}
	return f
}

// set puts the fields into an answer.
func (f *securityFields) set(header *fasthttp.ResponseHeader) {
	header.SetCanonical(f.options, f.noSniff)
	header.SetCanonical(f.referrer, f.noReferrer)
	header.SetCanonical(f.resource, f.sameOrigin)
	if f.transport != nil {
		header.SetCanonical(f.transport, f.transportValue)
	}
}

// append appends the fields to an answer whose header is written by hand.
func (f *securityFields) append(dst []byte) []byte {
	dst = append(dst, securityLines...)
	if f.transport != nil {
		dst = append(dst, "Strict-Transport-Security: "+strictTransport+"\r\n"...)
	}
	return dst
}
