package header

import "encoding/json"

// quoteJSON writes s as a JSON string, as encoding/json does.
func quoteJSON(s string) []byte {
	b, err := json.Marshal(s)
	if err != nil {
		return []byte(`""`) // a string always marshals
	}
	return b
}

// unquoteJSON reads a JSON string; null is "".
func unquoteJSON(b []byte) (string, error) {
	var s *string
	if err := json.Unmarshal(b, &s); err != nil || s == nil {
		return "", err
	}
	return *s, nil
}
