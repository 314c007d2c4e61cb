package header

import (
	"encoding/json"
	"slices"
	"strings"
	"time"

	"apisonde/probe/trace"
)

// usageHeader reads the usage objects of Meta: percentages of a quota used, per
// metric, perhaps below a business and a use case.
func usageHeader(d *decoder, lower, value string) bool {
	if !strings.HasPrefix(value, "{") || (!strings.HasSuffix(lower, "-usage") && !strings.HasSuffix(lower, "-throttle")) {
		return false
	}
	d.saw("meta-usage")
	var object map[string]any
	if !decodeJSON(value, &object) {
		d.warn(lower, "is broken JSON and is ignored", value)
		return true
	}
	d.usage(lower, "", object)
	if !strings.Contains(lower, "use-case") && d.scope == "" {
		d.scope = scopeOf(lower)
	}
	return true
}

// decodeJSON reads one JSON value and nothing after it, numbers as written.
func decodeJSON(value string, into any) bool {
	if !json.Valid([]byte(value)) {
		return false
	}
	dec := json.NewDecoder(strings.NewReader(value))
	dec.UseNumber()
	return dec.Decode(into) == nil
}

// usage emits one percent quota a metric of an object, and goes down into lists
// of objects, which are named by their key and type.
func (d *decoder) usage(lower, path string, object map[string]any) {
	var reset Num
	keys := make([]string, 0, len(object))
	for key, v := range object {
		switch v := v.(type) {
		case []any:
			for _, member := range v {
				inner, ok := member.(map[string]any)
				if !ok || strings.Count(path, "/") > 2 {
					continue
				}
				name := under(path, key)
				if kind, ok := inner["type"].(string); ok {
					name = under(name, kind)
				}
				d.usage(lower, name, inner)
			}
		case json.Number:
			switch key {
			case "estimated_time_to_regain_access": // minutes, and a wait in so many words
				if w, ok := d.clock.wait(v.String(), time.Minute); ok {
					reset = seconds(w)
					d.waits[rankPlain].take(w, lower)
				}
			case "reset_time_duration": // seconds
				reset = d.when(lower, v.String(), time.Second)
			default:
				keys = append(keys, key)
			}
		}
	}
	slices.Sort(keys)
	for _, key := range keys {
		number, ok := object[key].(json.Number)
		if !ok {
			continue
		}
		used := d.count(lower, number.String())
		if !used.Known {
			continue
		}
		d.add(entry{family: lower, valueName: true, Quota: Quota{Name: Label(trace.Clean(under(path, key))), Limit: Some(100),
			Used: used, ResetInS: reset, Unit: unitPercent, Header: trace.Text(lower)}})
	}
}

func under(path, key string) string {
	if path == "" {
		return key
	}
	return path + "/" + key
}
