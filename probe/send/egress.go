package send

import (
	"bytes"
	"encoding/json"
	"net/netip"
	"strings"
)

// seenFrom reads the address that a body tells its caller: all of its text, or the
// field "ip" of a JSON object, which may be cut off further on. "" is none.
func seenFrom(body []byte) string {
	text := strings.TrimSpace(string(body))
	if !strings.HasPrefix(text, "{") {
		return plainAddress(text)
	}
	d := json.NewDecoder(bytes.NewReader(body))
	if _, err := d.Token(); err != nil {
		return ""
	}
	for d.More() {
		name, err := d.Token()
		if err != nil {
			return ""
		}
		var value json.RawMessage
		if err := d.Decode(&value); err != nil {
			return ""
		}
		if s, ok := name.(string); ok && strings.EqualFold(s, "ip") {
			var text string
			if json.Unmarshal(value, &text) != nil {
				return ""
			}
			return plainAddress(text)
		}
	}
	return ""
}

// plainAddress is an address in its usual form.
func plainAddress(text string) string {
	a, err := netip.ParseAddr(text)
	if err != nil {
		return ""
	}
	return a.Unmap().WithZone("").String()
}
