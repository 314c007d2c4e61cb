package selftest

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"apisonde/probe/lab/limit"
	"apisonde/probe/sim"
)

// world is a limiter and all that is between it and the client.
type world struct {
	random *rand.Rand
	specs  []string
	notes  []string // what disturbs it, in words
	stack  *limit.Stack
	truths [][]limit.Truth // the policies that a verdict may mean
	net    sim.Net
	others sim.Others
	change *sim.Change
}

// path is one as on a single machine, on which deciding takes a while.
var path = sim.Net{RTT: 400 * time.Microsecond, Jitter: 200 * time.Microsecond, Think: 20 * time.Millisecond}

// disturbances are what may be wrong, by name, with what it is in words. Those
// that change the specs come before those that go by them.
var disturbances = []struct {
	name, what string
	add        func(*world) error
}{
	{"nodes", "two to four servers with counters of their own", func(w *world) error {
		n := 2 + w.random.IntN(3)
		w.extend(fmt.Sprintf(",nodes=%d", n))
		return nil
	}},
	{"claims", "headers that state the limit", func(w *world) error {
		w.head([]string{"legacy", "ietf", "github"}[w.random.IntN(3)])
		return nil
	}},
	{"lies", "headers that lie", func(w *world) error { w.head("lying"); return nil }},
	{"slow", "an endpoint that takes 50 to 250 ms", func(w *world) error {
		if w.family() != "concurrency" { // which has a latency
			w.extend(",latency=50ms,jitter=200ms")
		}
		return nil
	}},
	{"near", "round trips of 20 to 60 ms", func(w *world) error {
		w.net.RTT, w.net.Jitter = 20*time.Millisecond, 40*time.Millisecond
		return nil
	}},
	{"far", "round trips of 30 to 300 ms, and half of that in jitter", func(w *world) error {
		w.net.RTT = time.Duration(logUniform(w.random, 30, 300) * float64(time.Millisecond))
		w.net.Jitter = w.net.RTT / 2
		return nil
	}},
	{"jitter", "up to 20 to 300 ms more a round trip", func(w *world) error {
		w.net.Jitter = time.Duration(logUniform(w.random, 20, 300) * float64(time.Millisecond))
		return nil
	}},
	{"loss", "1 % get no answer", func(w *world) error { w.net.Loss = 0.01; return nil }},
	{"spurious", "1 % of those let through get a 500", func(w *world) error { w.net.Spurious = 0.01; return nil }},
	{"stall", "2 % leave up to 300 ms late", func(w *world) error {
		w.net.Stall, w.net.Stalled = 0.02, 300*time.Millisecond
		return nil
	}},
	{"others", "somebody else takes 10 to 80 % of the rate", func(w *world) error {
		return w.crowd(0.1 + 0.7*w.random.Float64())
	}},
	{"restart", "the server restarts in mid-run", func(w *world) error { return w.replace("restarts", w.specs) }},
	{"change", "the limit is halved or doubled in mid-run", func(w *world) error {
		factor := []float64{0.5, 2}[w.random.IntN(2)]
		specs := make([]string, len(w.specs))
		for i, s := range w.specs {
			specs[i] = scaled(s, factor)
		}
		return w.replace("becomes "+strings.Join(specs, " and "), specs)
	}},
}

// Disturbances are the names of what may be wrong; each is explained.
func Disturbances() (names, what []string) {
	for _, d := range disturbances {
		names, what = append(names, d.name), append(what, d.what)
	}
	return names, what
}

// newWorld makes a world of a family with everything wrong that kinds name. It
// depends on nothing but its arguments.
func newWorld(family string, seed uint64, kinds []string) (*world, error) {
	w := &world{random: rand.New(rand.NewPCG(seed, 0x776f726c64)), specs: draw(family, seed), net: path} // any constant will do
	for _, d := range disturbances {
		if slices.Contains(kinds, d.name) {
			if err := d.add(w); err != nil {
				return nil, err
			}
		}
	}
	stack, err := limit.Parse(w.specs)
	if err != nil {
		return nil, err
	}
	w.stack = stack
	w.mean(stack.Truth())
	return w, nil
}

// mean adds a policy that a verdict may mean, the latest first. A client that
// spreads over nodes has what all of them admit.
func (w *world) mean(truths []limit.Truth) {
	policies := [][]limit.Truth{truths}
	if len(truths) > 0 && truths[0].Nodes > 1 {
		all := slices.Clone(truths)
		for i := range all {
			n := all[i].Nodes
			all[i].Limit, all[i].Burst, all[i].Rate, all[i].Nodes = all[i].Limit*n, all[i].Burst*n, all[i].Rate*float64(n), 1
		}
		policies = append(policies, all)
	}
	w.truths = append(policies, w.truths...)
}

func (w *world) family() string {
	kind, _, _ := strings.Cut(w.specs[0], ",")
	return kind
}

// extend adds settings to the first layer's spec.
func (w *world) extend(settings string) {
	if w.family() != "none" {
		w.specs[0] += settings
	}
}

// head gives every layer headers of a dialect.
func (w *world) head(dialect string) {
	for i, s := range w.specs {
		w.specs[i] = strings.Replace(s, ",headers=none", ",headers="+dialect, 1)
	}
}

// crowd lets others take a share of what the first layer admits in the long run.
func (w *world) crowd(share float64) error {
	stack, err := limit.Parse(w.specs)
	if err != nil || len(stack.Truth()) == 0 {
		return err
	}
	truth := stack.Truth()[0]
	rate := truth.Rate
	if rate == 0 {
		rate = float64(truth.Limit) / truth.Latency.Seconds()
	}
	id := roster().Baseline()
	w.others = sim.Others{Identity: id, Route: roster().Routes[0], Rate: share * rate}
	w.notes = append(w.notes, fmt.Sprintf("others take %.0f %%", 100*share))
	return nil
}

// replace puts another stack in the place of the first, half a window to eight
// windows into the run.
func (w *world) replace(what string, specs []string) error {
	stack, err := limit.Parse(specs)
	if err != nil || len(stack.Truth()) == 0 {
		return err
	}
	last := stack.Truth()[len(stack.Truth())-1]
	whole := max(span(&last), time.Second)
	at := time.Duration((0.5 + 7.5*w.random.Float64()) * float64(whole))
	w.change = &sim.Change{At: at, Stack: stack}
	w.mean(stack.Truth())
	w.notes = append(w.notes, fmt.Sprintf("%s after %.1f s", what, at.Seconds()))
	return nil
}

// scaled is a spec with its limit, burst or depth, and what it refills with it,
// multiplied. What comes in at a tick stays whole, so that the ticks come as much sooner.
func scaled(spec string, factor float64) string {
	words := strings.Split(spec, ",")
	digits := 3
	if strings.Contains(spec, ",tick=") {
		digits = 9
	}
	for i, word := range words {
		name, value, _ := strings.Cut(word, "=")
		var x float64
		if _, err := fmt.Sscan(value, &x); err != nil {
			continue
		}
		switch name {
		case "limit", "burst", "depth":
			words[i] = fmt.Sprintf("%s=%.0f", name, max(1, x*factor))
		case "rate":
			words[i] = fmt.Sprintf("%s=%.*f", name, digits, x*factor)
		case "tick":
			words[i] = fmt.Sprintf("%s=%.6fs", name, x/factor)
		}
	}
	return strings.Join(words, ",")
}

// describe is the world in words.
func (w *world) describe() string {
	return strings.Join(append([]string{strings.Join(w.specs, " and ")}, w.notes...), "; ")
}
