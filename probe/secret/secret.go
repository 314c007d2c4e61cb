// Package secret keeps credentials out of everything that is printed, stored
// or shown. A Value prints as a label whatever it is printed with; a Redactor
// takes known credentials out of text that a server sends back.
package secret

import (
	"crypto/subtle"
	"fmt"
	"io"
	"log/slog"
)

// Label is what every Value prints as.
const Label = "[secret]"

// Value holds one credential. The zero Value is the empty credential. It is
// safe for concurrent use.
//
// The text hides in a closure, so that printing a struct which holds a Value in
// an unexported field, where fmt calls no methods, still shows nothing.
type Value struct {
	reveal func() string
}

// New wraps a credential.
func New(s string) Value {
	return Value{reveal: func() string { return s }}
}

// Reveal returns the credential itself. Only the sender and a Redactor call it.
func (v Value) Reveal() string {
	if v.reveal == nil {
		return ""
	}
	return v.reveal()
}

// Empty tells whether there is no credential.
func (v Value) Empty() bool { return v.Reveal() == "" }

// Equal compares two credentials in time that does not depend on where they
// differ.
func (v Value) Equal(o Value) bool {
	return subtle.ConstantTimeCompare([]byte(v.Reveal()), []byte(o.Reveal())) == 1
}

// String returns Label.
func (v Value) String() string { return Label }

// GoString returns Label.
func (v Value) GoString() string { return Label }

// Format writes Label, whatever the verb.
func (v Value) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, Label) }

// MarshalText returns Label.
func (v Value) MarshalText() ([]byte, error) { return []byte(Label), nil }

// MarshalJSON returns Label as a JSON string.
func (v Value) MarshalJSON() ([]byte, error) { return []byte(`"` + Label + `"`), nil }

// LogValue returns Label.
func (v Value) LogValue() slog.Value { return slog.StringValue(Label) }
