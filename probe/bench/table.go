package main

import (
	"errors"
	"fmt"
	"runtime"
	"slices"
	"time"
)

// all measures everything and prints the table.
func (m *measurer) all(rounds, records int, only string) error {
	fmt.Printf("%s/%s, %d processors, %s; medians of %d rounds\n\n", runtime.GOOS, runtime.GOARCH, runtime.NumCPU(), runtime.Version(), rounds)
	fmt.Println("| measured | apisonde | vegeta | ratio | goal | met |")
	fmt.Println("| --- | --- | --- | --- | --- | --- |")
	for _, p := range []struct {
		name string
		do   func() error
	}{
		{"rates", func() error { return m.rates(rounds) }},
		{"stall", m.stall},
		{"bursts", func() error { return m.bursts(rounds) }},
		{"closed", func() error { return m.closed(rounds, records) }},
	} {
		if only != "" && p.name != only {
			continue
		}
		if err := p.do(); err != nil {
			return err
		}
	}
	if m.failed > 0 {
		return errors.New("goals are missed")
	}
	return nil
}

// row prints one line.
func (m *measurer) row(name string, ours, theirs float64, format, goal string, met bool) {
	yes := "yes"
	if !met {
		yes = "**no**"
		m.failed++
	}
	fmt.Printf("| %s | %s | %s | %.2f | %s | %s |\n", name, fmt.Sprintf(format, ours), fmt.Sprintf(format, theirs), ours/theirs, goal, yes)
}

// both runs a task with either sender in turn, so often, and gathers what f
// makes of each.
func (m *measurer) both(rounds int, t task, f func(sent) ([]float64, error)) (ours, theirs []float64, err error) {
	for range rounds {
		for _, to := range []*[]float64{&ours, &theirs} {
			name := nameOurs
			if to == &theirs {
				name = nameTheirs
			}
			s, err := m.do(name, t, 0)
			if err != nil {
				return nil, nil, err
			}
			x, err := f(s)
			if err != nil {
				return nil, nil, err
			}
			*to = append(*to, x...)
		}
	}
	return ours, theirs, nil
}

// rates measures how far requests arrive from an even schedule.
func (m *measurer) rates(rounds int) error {
	for _, r := range []struct{ rate, seconds int }{{10, 10}, {100, 5}, {1000, 5}} {
		t := task{Kind: kindRate, Rate: r.rate, N: r.rate * r.seconds}
		ours, theirs, err := m.both(rounds, t, late)
		if err != nil {
			return err
		}
		for _, p := range []struct {
			name string
			q    float64
			most float64
			goal string
		}{{"p50", 0.5, 1. / 3, "≤ 1/3"}, {"p99", 0.99, 1, "≤ 1"}} {
			o, v := quantile(ours, p.q), quantile(theirs, p.q)
			m.row(fmt.Sprintf("schedule error at %d/s, %s", r.rate, p.name), o, v, "%.0f µs", p.goal, o <= v*p.most)
		}
	}
	return nil
}

// late is by how many microseconds each request missed its instant. The way to
// the server is as long for all, so the most punctual one sets the zero.
func late(s sent) ([]float64, error) {
	if len(s.arrivals) != len(s.Planned) || len(s.arrivals) == 0 {
		return nil, fmt.Errorf("%d requests arrived of %d", len(s.arrivals), len(s.Planned))
	}
	out := make([]float64, len(s.arrivals))
	for i, at := range s.arrivals {
		out[i] = float64(at-s.arrivals[0]-(s.Planned[i]-s.Planned[0])) / 1e3
	}
	least := slices.Min(out)
	for i := range out {
		out[i] -= least
	}
	return out, nil
}

// stall counts the requests in the second after the sender stood still for one.
func (m *measurer) stall() error {
	var n [2]float64
	for i, name := range []string{nameOurs, nameTheirs} {
		s, err := m.do(name, task{Kind: kindRate, Rate: stallRate, N: 4 * stallRate}, 1500*time.Millisecond)
		if err != nil {
			return err
		}
		for _, at := range s.arrivals {
			if at >= s.resumed && at < s.resumed+int64(time.Second) {
				n[i]++
			}
		}
	}
	// The late one that leaves first is over and above the schedule.
	m.row("sends per nominal one in the second after a stall", n[0]/stallRate, n[1]/stallRate, "%.2f", "no catch-up", n[0] <= stallRate+1)
	return nil
}

func (m *measurer) bursts(rounds int) error {
	ours, theirs, err := m.both(rounds, task{Kind: kindBurst, N: 10}, spreads)
	if err != nil {
		return err
	}
	o, v := quantile(ours, 0.5), quantile(theirs, 0.5)
	m.row(fmt.Sprintf("arrival spread of a burst of %d", burstSize), o, v, "%.0f µs", "≤ 1", o <= v)
	return nil
}

// spreads is the time between the first and the last arrival of each burst, in
// microseconds.
func spreads(s sent) ([]float64, error) {
	if len(s.arrivals)%burstSize != 0 {
		return nil, fmt.Errorf("%d requests arrived, which makes no whole bursts", len(s.arrivals))
	}
	var out []float64
	for b := range slices.Chunk(s.arrivals, burstSize) {
		out = append(out, float64(b[len(b)-1]-b[0])/1e3)
	}
	return out, nil
}

// mib is the most memory that a session may take at any length, and drift how
// much more a long one may take than a tenth of it.
const (
	mib   = 64
	drift = 2
)

func (m *measurer) closed(rounds, records int) error {
	var short [2][]float64 // of memory, by sender
	t := task{Kind: kindClosed, N: records / 10}
	perSecond := func(s sent) float64 {
		return float64(len(s.arrivals)-1) / (float64(s.arrivals[len(s.arrivals)-1]-s.arrivals[0]) / 1e9)
	}
	names := []string{nameOurs, nameTheirs}
	var rate [2][]float64
	for range rounds {
		for i, name := range names {
			s, err := m.do(name, t, 0)
			if err != nil {
				return err
			}
			rate[i] = append(rate[i], perSecond(s))
			short[i] = append(short[i], float64(s.PeakKiB)/1024)
		}
	}
	o, v := quantile(rate[0], 0.5), quantile(rate[1], 0.5)
	m.row(fmt.Sprintf("requests a second, %d at a time", workers), o, v, "%.0f", "≥ 1", o >= v)
	a, b := quantile(short[0], 0.5), quantile(short[1], 0.5)
	m.row(fmt.Sprintf("peak memory, %d requests", t.N), a, b, "%.1f MiB", fmt.Sprintf("≤ %d MiB", mib), a <= mib)
	t.N = records
	var long [2]float64
	for i, name := range names {
		s, err := m.do(name, t, 0)
		if err != nil {
			return err
		}
		long[i] = float64(s.PeakKiB) / 1024
	}
	m.row(fmt.Sprintf("peak memory, %d requests", t.N), long[0], long[1], "%.1f MiB", fmt.Sprintf("≤ %d MiB, flat within %d", mib, drift), long[0] <= mib && long[0]-a <= drift)
	return nil
}

func quantile(x []float64, q float64) float64 {
	slices.Sort(x)
	return x[min(len(x)-1, int(q*float64(len(x))))]
}
