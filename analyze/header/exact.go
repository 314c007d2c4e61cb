package header

import (
	"strings"
	"time"

	"apisonde/probe/trace"
)

// exactly says what one header name means whose words do not tell it.
type exactly struct {
	family string
	field  field
	name   string
	window time.Duration
	unit   string
}

// exactNames are the headers that only their documentation explains.
var exactNames = map[string]exactly{
	// Xero: the window is glued to "Limit".
	"x-minlimit-remaining":    {family: "xero", field: remainingField, name: "minute", window: time.Minute},
	"x-appminlimit-remaining": {family: "xero", field: remainingField, name: "app-minute", window: time.Minute},
	"x-daylimit-remaining":    {family: "xero", field: remainingField, name: "day", window: 24 * time.Hour},
	"x-appdaylimit-remaining": {family: "xero", field: remainingField, name: "app-day", window: 24 * time.Hour},
	// Etsy: limit and remaining name the window in different words.
	"x-limit-per-second":      {family: "etsy", field: limitField, name: "second", window: time.Second},
	"x-remaining-this-second": {family: "etsy", field: remainingField, name: "second", window: time.Second},
	"x-limit-per-day":         {family: "etsy", field: limitField, name: "day", window: 24 * time.Hour},
	"x-remaining-today":       {family: "etsy", field: remainingField, name: "day", window: 24 * time.Hour},
	// Bybit: the status is what remains.
	"x-bapi-limit":                 {family: "bybit", field: limitField},
	"x-bapi-limit-status":          {family: "bybit", field: remainingField},
	"x-bapi-limit-reset-timestamp": {family: "bybit", field: resetField},
	// Amazon: a rate in requests a second, perhaps a fraction.
	"x-amzn-ratelimit-limit":  {family: "amazon-sp", field: limitField, window: time.Second},
	"x-amzn-rate-limit-limit": {family: "amazon-sp", field: limitField, window: time.Second},
	// EVE Online: a limit on errors, not on requests.
	"x-esi-error-limit-remain": {family: "eve-esi", field: remainingField, name: "error", unit: "errors"},
	"x-esi-error-limit-reset":  {family: "eve-esi", field: resetField, name: "error", unit: "errors"},
	// Walmart: the tokens that are left, and when the window ends.
	"x-current-token-count":     {family: "walmart", field: remainingField},
	"x-next-replenishment-time": {family: "walmart", field: resetField},
	"x-next-replenish-time":     {family: "walmart", field: resetField},
	// Mashery: what is allotted and what is current, a second and a period.
	"x-plan-qps-allotted":         {family: "mashery", field: limitField, name: "plan-qps", window: time.Second},
	"x-plan-qps-current":          {family: "mashery", field: usedField, name: "plan-qps", window: time.Second},
	"x-plan-quota-allotted":       {family: "mashery", field: limitField, name: "plan-quota"},
	"x-plan-quota-current":        {family: "mashery", field: usedField, name: "plan-quota"},
	"x-plan-quota-reset":          {family: "mashery", field: resetField, name: "plan-quota"},
	"x-packagekey-qps-allotted":   {family: "mashery", field: limitField, name: "packagekey-qps", window: time.Second},
	"x-packagekey-qps-current":    {family: "mashery", field: usedField, name: "packagekey-qps", window: time.Second},
	"x-packagekey-quota-allotted": {family: "mashery", field: limitField, name: "packagekey-quota"},
	"x-packagekey-quota-current":  {family: "mashery", field: usedField, name: "packagekey-quota"},
	"x-packagekey-quota-reset":    {family: "mashery", field: resetField, name: "packagekey-quota"},
	// football-data.org: the reset is of a counter that no limit names.
	"x-requests-available-minute": {family: "football-data", field: remainingField, name: "minute", window: time.Minute},
	"x-requestcounter-reset":      {family: "football-data", field: resetField},
	// Bitget counts down under the name of a used weight.
	"x-mbx-used-remain-limit": {family: "bitget", field: remainingField},
	// Counters of what is in flight.
	"twilio-concurrent-requests":   {family: "twilio", field: usedField, name: "concurrent", unit: unitConcurrency},
	"current-concurrent-requests":  {family: "concurrency", field: usedField, name: "concurrent", unit: unitConcurrency},
	"maximum-concurrent-requests":  {family: "concurrency", field: limitField, name: "concurrent", unit: unitConcurrency},
	"x-concurrent-requests":        {family: "concurrency", field: usedField, name: "concurrent", unit: unitConcurrency},
	"x-concurrency-limit":          {family: "concurrency", field: limitField, name: "concurrency", unit: unitConcurrency},
	"x-concurrency-limit-limit":    {family: "concurrency", field: limitField, name: "concurrency", unit: unitConcurrency},
	"x-concurrency-remaining":      {family: "concurrency", field: remainingField, name: "concurrency", unit: unitConcurrency},
	"x-concurrent-limit":           {family: "concurrency", field: limitField, name: "concurrent", unit: unitConcurrency},
	"x-concurrent-limit-limit":     {family: "concurrency", field: limitField, name: "concurrent", unit: unitConcurrency},
	"x-concurrent-limit-remaining": {family: "concurrency", field: remainingField, name: "concurrent", unit: unitConcurrency},
	"x-concurrent-remaining":       {family: "concurrency", field: remainingField, name: "concurrent", unit: unitConcurrency},
	// Twitter's daily limits put "limit" twice.
	"x-app-limit-24hour-limit":      {family: "twitter-app", field: limitField, name: "app-24hour", window: 24 * time.Hour},
	"x-app-limit-24hour-remaining":  {family: "twitter-app", field: remainingField, name: "app-24hour", window: 24 * time.Hour},
	"x-app-limit-24hour-reset":      {family: "twitter-app", field: resetField, name: "app-24hour", window: 24 * time.Hour},
	"x-user-limit-24hour-limit":     {family: "twitter-user", field: limitField, name: "user-24hour", window: 24 * time.Hour},
	"x-user-limit-24hour-remaining": {family: "twitter-user", field: remainingField, name: "user-24hour", window: 24 * time.Hour},
	"x-user-limit-24hour-reset":     {family: "twitter-user", field: resetField, name: "user-24hour", window: 24 * time.Hour},
	// What the request cost, and the rate at which a bucket drips.
	"x-complexity": {family: "cost", field: costField}, "x-ms-request-charge": {family: "cost", field: costField},
	"x-ls-api-drip-rate": {family: "lightspeed", field: rateField},
}

// exactHeader reads the headers of exactNames.
func exactHeader(d *decoder, lower, value string) bool {
	x, ok := exactNames[lower]
	if !ok {
		return false
	}
	d.saw(x.family)
	switch x.field {
	case costField:
		d.cost = d.count(lower, value)
		return true
	case rateField:
		d.rate = d.count(lower, value)
		return true
	}
	e := d.at(x.family, x.name, lower)
	if e == nil {
		return true
	}
	if x.window != 0 {
		e.WindowS = seconds(x.window)
	}
	e.Unit = x.unit
	d.figure(e, x.field, lower, value, time.Second, false)
	return true
}

// figure puts one figure into an entry.
func (d *decoder) figure(e *entry, f field, lower, value string, unit time.Duration, after bool) {
	switch f {
	case limitField:
		if w, ok := duration(value); ok && w > 0 && w <= longestWindow && e.Name == "" && !e.WindowS.Known {
			e.WindowS = seconds(w) // AspNetCoreRateLimit writes the period where the limit belongs
			return
		}
		e.setLimit(d.count(lower, value), lower)
	case remainingField:
		e.Remaining = lesser(e.Remaining, d.count(lower, value))
	case usedField:
		e.Used = greater(e.Used, d.count(lower, value))
	case resetField:
		if left, ok := timeSpan(value); ok && after {
			e.setReset(seconds(left), after)
			return
		}
		e.setReset(d.when(lower, value, unit), after)
		v, number := plain(value)
		e.delta = number && unit == time.Second && v <= longest.Seconds()
	}
}

// weightHeader reads the counters of Binance and its kin, whose names end in
// the window: X-MBX-USED-WEIGHT-1M, X-SAPI-USED-IP-WEIGHT-1M,
// X-MBX-ORDER-COUNT-10S. The name without a window repeats the first of them.
func weightHeader(d *decoder, lower, value string) bool {
	rest, ok := strings.CutPrefix(lower, "x-mbx-")
	if !ok {
		if rest, ok = strings.CutPrefix(lower, "x-sapi-"); !ok {
			return false
		}
	}
	cut := strings.LastIndexByte(rest, '-')
	name, suffix := rest[:max(cut, 0)], rest[cut+1:]
	unit := ""
	switch {
	case strings.HasSuffix(name, "weight"):
		unit = "weight"
	case name == "order-count":
		unit = "orders"
	}
	if unit == "" {
		return rest == "used-weight" || rest == "order-count" || strings.HasSuffix(rest, "-weight")
	}
	n := digits(suffix)
	if n == 0 || n > 6 {
		return false
	}
	d.saw("binance")
	w, ok := duration(suffix)
	if !ok || w <= 0 || w > longestWindow {
		d.warn(lower, "ends in no window and is ignored", value)
		return true
	}
	used := d.count(lower, value)
	if !used.Known {
		return true
	}
	d.add(entry{family: "binance", Quota: Quota{Name: Label(name), Used: used, WindowS: seconds(w), Unit: unit, Header: trace.Text(lower)}})
	return true
}
