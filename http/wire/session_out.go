package wire

import (
	"time"

	"github.com/penstock-dev/penstock/commerce"
)

// AppendSession appends who somebody is: {"subject","customer","scopes","expires_at"}.
func AppendSession(dst []byte, who *commerce.Principal, until time.Time) []byte {
	dst = appendText(append(dst, `{"subject":`...), who.Subject)
	dst = fieldText(dst, "customer", who.Customer)
	dst = append(field(dst, "scopes"), '[')
	for i, name := range who.Scopes.Names() {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = appendText(dst, name)
	}
	dst = field(append(dst, ']'), "expires_at")
	return append(appendTimeOrNull(dst, until), '}')
}

// AppendTicket appends a ticket: {"ticket","expires_at"}.
func AppendTicket(dst []byte, ticket string, until time.Time) []byte {
	dst = appendText(append(dst, `{"ticket":`...), ticket)
	return append(fieldTime(dst, "expires_at", until), '}')
}

func appendTimeOrNull(dst []byte, t time.Time) []byte {
	if t.IsZero() {
		return append(dst, "null"...)
	}
	return AppendTime(dst, t)
}
