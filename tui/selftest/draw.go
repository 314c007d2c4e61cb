package selftest

import (
	"fmt"
	"hash/fnv"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
)

// families are the kinds of limiter that trials draw from, each with the forms it
// comes in. "=P" stands for a duration longer than the window, "=T" for the time in which
// a part of the limit comes back at once, "=O" for a larger limit over a longer window, and
// "=D" for delays that grow.
var families = []struct {
	name  string
	forms []string
}{
	{"fixed-window", []string{
		"fixed-window,align=clock", "fixed-window,align=first-request", "fixed-window,align=process-start",
		"fixed-window,align=last-request,count-rejected",
	}},
	{"sliding-log", []string{"sliding-log", "sliding-log,count-rejected"}},
	{"sliding-counter", []string{
		"sliding-counter,align=clock", "sliding-counter,align=process-start", "sliding-counter,align=first-request",
		"sliding-counter,align=clock,count-rejected",
	}},
	{"token-bucket", []string{"token-bucket", "token-bucket", "token-bucket,align=first-request,tick=T", "token-bucket,align=clock,tick=T"}},
	{"either", []string{"fixed-window,align=first-request,or=O", "fixed-window,align=clock,or=O"}},
	{"penalty", penalties()},
	{"leaky-queue", []string{"leaky-queue"}},
	{"slow-down", []string{"slow-down,align=clock,delay=D", "slow-down,align=first-request,delay=D"}},
	{"concurrency", []string{"concurrency"}},
	{"none", []string{"none"}},
	{layered, []string{"fixed-window,align=clock", "fixed-window,align=first-request", "sliding-log", "sliding-counter,align=clock", "token-bucket"}},
}

// penalties are blocks over every kind of counting: fixed or prolonged by asking,
// over a count that goes on, begins anew or expires with the block, and with a
// status of their own or not.
func penalties() []string {
	var forms []string
	for _, core := range []string{
		"fixed-window,align=first-request", "fixed-window,align=clock", "sliding-log",
		"sliding-counter,align=clock", "sliding-counter,align=first-request", "token-bucket",
	} {
		for i, block := range []string{
			"", ",penalty-clears", ",penalty-extends", ",penalty-extends,penalty-clears", ",penalty-expires",
		} {
			if form := core + ",penalty=P" + block; i%2 == 0 {
				forms = append(forms, form)
			} else {
				forms = append(forms, form+",penalty-status=403")
			}
		}
	}
	return forms
}

// layered is the family of two limiters on one path.
const layered = "layers"

var scopes = []string{"global", "ip", "key", "user", "route", "ip+key", "ip+route", "ip+user", "key+route"}

// Families are the names of the kinds of limiter, in the order of the trials.
func Families() []string {
	names := make([]string, len(families))
	for i, f := range families {
		names[i] = f.name
	}
	return names
}

// draw makes up a limiter of a family, one spec a layer. It depends on nothing
// but its arguments.
func draw(family string, seed uint64) []string {
	h := fnv.New64a()
	h.Write([]byte(family))
	r := rand.New(rand.NewPCG(seed, h.Sum64()))
	forms := families[slices.Index(Families(), family)].forms
	form := forms[r.IntN(len(forms))]
	limit := int(math.Round(logUniform(r, 5, 150)))
	window := logUniform(r, 1, 40) // seconds
	if r.IntN(2) == 0 {            // people configure round ones
		window = []float64{1, 2, 5, 10, 15, 20, 30}[r.IntN(7)]
	}
	by := scopes[r.IntN(len(scopes))]
	if family != layered {
		return []string{spec(r, form, limit, window, by)}
	}
	// The outer layer admits 3 to 10 times as many at once, and in the long run a half
	// to a sixth: 10 a second and 100 a minute.
	limit, window = int(math.Round(logUniform(r, 5, 20))), logUniform(r, 1, 5)
	outer := int(math.Round(float64(limit) * logUniform(r, 3, 10)))
	wider := float64(outer) / float64(limit) * window * logUniform(r, 2, 6)
	return []string{
		spec(r, form, limit, window, by),
		spec(r, forms[r.IntN(len(forms))], outer, wider, scopes[r.IntN(len(scopes))]),
	}
}

// spec writes one layer.
func spec(r *rand.Rand, form string, limit int, window float64, by string) string {
	rest := ",by=" + by + ",headers=none"
	rate, digits := min(40, float64(limit)/window), 3 // a second; faster refills cannot be exhausted one by one
	kind, _, _ := strings.Cut(form, ",")
	put := func(mark, value string) { form = strings.Replace(form, mark, "="+value, 1) }
	switch {
	case strings.Contains(form, "=P"):
		put("=P", seconds(window*(1.2+r.Float64())))
	case strings.Contains(form, "=O"):
		put("=O", fmt.Sprintf("%d/%s", int(math.Round(float64(limit)*logUniform(r, 1.5, 8))), seconds(window*logUniform(r, 3, 12))))
	case strings.Contains(form, "=D"):
		put("=D", fmt.Sprintf("%dms,max-delay=%dms", 50+r.IntN(200), 1000+r.IntN(2000)))
	case strings.Contains(form, "=T"): // whole tokens at whole milliseconds
		each := 1 + r.IntN(max(1, limit/2))
		tick := math.Ceil(1000*float64(each)/rate) / 1000
		rate, digits = float64(each)/tick, 9
		put("=T", seconds(tick))
	}
	switch kind {
	case "none":
		return form
	case "token-bucket":
		return fmt.Sprintf("%s,rate=%.*f,burst=%d%s", form, digits, rate, limit, rest)
	case "leaky-queue":
		return fmt.Sprintf("%s,rate=%.3f,depth=%d%s", form, rate, limit, rest)
	case "concurrency":
		return fmt.Sprintf("%s,limit=%d,latency=%dms%s", form, int(math.Round(logUniform(r, 2, 50))), 20+r.IntN(180), rest)
	}
	return fmt.Sprintf("%s,limit=%d,window=%.3fs%s", form, limit, window, rest)
}

// seconds writes a duration for a spec.
func seconds(s float64) string { return fmt.Sprintf("%.3fs", s) }

// logUniform draws from [lo, hi] so that each doubling is as likely as another.
func logUniform(r *rand.Rand, lo, hi float64) float64 {
	return lo * math.Exp(r.Float64()*math.Log(hi/lo))
}
