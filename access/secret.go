package access

import (
	"fmt"
	"io"
	"log/slog"
)

// secretShown is what a Secret shows of itself.
const secretShown = "[redacted]"

// Secret is a text that must not be seen by chance: an API key. However it is printed, logged or encoded
// it hides itself; Reveal alone returns it.
type Secret struct {
	// A pointer, because fmt prints fields that are not exported without asking their methods.
	text *string
}

// NewSecret wraps a text.
func NewSecret(text string) Secret { return Secret{&text} }

// Reveal returns the text, for showing it once to who asked for it, or sending it along.
func (s Secret) Reveal() string {
	if s.text == nil {
		return ""
	}
	return *s.text
}

// IsZero reports whether there is no text.
func (s Secret) IsZero() bool { return s.Reveal() == "" }

// Format implements fmt.Formatter, for all verbs.
func (s Secret) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, secretShown) }

// String implements fmt.Stringer.
func (s Secret) String() string { return secretShown }

// LogValue implements slog.LogValuer.
func (s Secret) LogValue() slog.Value { return slog.StringValue(secretShown) }

// MarshalText implements encoding.TextMarshaler, which encoders of JSON heed.
func (s Secret) MarshalText() ([]byte, error) { return []byte(secretShown), nil }
