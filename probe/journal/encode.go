package journal

import (
	"encoding/json"
	"strconv"

	"apisonde/probe/trace"
)

// encode appends a record to b, as encoding/json writes it, whose reflection takes
// too long for what stands before every request.
func encode(b []byte, r record) ([]byte, error) {
	if r.Obs == nil {
		j, err := json.Marshal(r)
		return append(b, j...), err
	}
	b = number(b, `{"line":`, int64(r.Line))
	b = text(b, `,"type":`, r.Type)
	b = append(b, `,"obs":`...)
	return append(observation(b, r.Obs), '}'), nil
}

func observation(b []byte, o *trace.Observation) []byte {
	b = number(b, `{"seq":`, int64(o.Seq))
	b = number(b, `,"step":`, int64(o.Step))
	b = append(b, `,"id":`...)
	b = identity(b, o.Identity)
	b = text(b, `,"route":`, o.Route)
	b = number(b, `,"conn":`, int64(o.Conn))
	b = number(b, `,"planned":`, int64(o.Planned))
	b = number(b, `,"written":`, int64(o.Written))
	b = positive(b, `,"first":`, int64(o.FirstByte))
	b = positive(b, `,"done":`, int64(o.Done))
	if o.Late {
		b = append(b, `,"late":true`...)
	}
	b = positive(b, `,"status":`, int64(o.Status))
	for i, h := range o.Headers {
		name := `},{"n":`
		if i == 0 {
			name = `,"headers":[{"n":`
		}
		b = text(b, name, string(h.Name))
		b = text(b, `,"v":`, string(h.Value))
	}
	if len(o.Headers) > 0 {
		b = append(b, `}]`...)
	}
	if o.Body != (trace.Body{}) {
		b = append(b, `,"body":`...)
		from := len(b)
		b = positive(b, `,"bytes":`, o.Body.Bytes)
		b = some(b, `,"digest":`, o.Body.Digest)
		b = some(b, `,"text":`, string(o.Body.Text))
		b = object(b, from)
	}
	b = some(b, `,"fault":`, string(o.Fault))
	if o.Ban {
		b = append(b, `,"ban":true`...)
	}
	b = some(b, `,"egress":`, o.Egress)
	return append(b, '}')
}

func identity(b []byte, id trace.Identity) []byte {
	from := len(b)
	b = some(b, `,"ip":`, id.Vantage)
	b = some(b, `,"key":`, id.Key)
	b = some(b, `,"owner":`, id.Owner)
	b = some(b, `,"user":`, id.User)
	b = some(b, `,"forwarded":`, id.Forwarded)
	return object(b, from)
}

// object encloses the members behind from, each with a comma before it.
func object(b []byte, from int) []byte {
	if len(b) == from {
		return append(b, `{}`...)
	}
	b[from] = '{'
	return append(b, '}')
}

func number(b []byte, name string, n int64) []byte {
	return strconv.AppendInt(append(b, name...), n, 10)
}

// positive is number where there is one: zero is left out.
func positive(b []byte, name string, n int64) []byte {
	if n == 0 {
		return b
	}
	return number(b, name, n)
}

// some is text where there is any.
func some(b []byte, name, s string) []byte {
	if s == "" {
		return b
	}
	return text(b, name, s)
}

func text(b []byte, name, s string) []byte {
	b = append(b, name...)
	for i := range len(s) {
		if c := s[i]; c < ' ' || c > '~' || c == '"' || c == '\\' || c == '<' || c == '>' || c == '&' {
			j, _ := json.Marshal(s) // a string always can
			return append(b, j...)
		}
	}
	b = append(b, '"')
	b = append(b, s...)
	return append(b, '"')
}
