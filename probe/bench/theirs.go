package main

import (
	"net/http"
	"os"
	"path/filepath"
	"time"

	vegeta "github.com/tsenart/vegeta/v12/lib"
)

// atOnce is a pacer that never waits and stops after so many.
type atOnce uint64

func (n atOnce) Pace(_ time.Duration, hits uint64) (time.Duration, bool) {
	return 0, hits >= uint64(n)
}

func (atOnce) Rate(time.Duration) float64 { return 0 }

// theirs runs a task with vegeta, its results encoded to a file as its command
// line does.
func theirs(t task, addr, dir string) (report, error) {
	path := filepath.Join(dir, "vegeta.bin")
	f, err := os.Create(path)
	if err != nil {
		return report{}, err
	}
	defer os.Remove(path)
	defer f.Close()
	enc := vegeta.NewEncoder(f)
	hits := 0
	attack := func(a *vegeta.Attacker, p vegeta.Pacer, d time.Duration, route string) error {
		target := vegeta.NewStaticTargeter(vegeta.Target{Method: "GET", URL: "http://" + addr + route})
		for r := range a.Attack(target, p, d, "bench") {
			hits++
			if err := enc.Encode(r); err != nil {
				return err
			}
		}
		return nil
	}
	switch t.Kind {
	case kindRate:
		rate := vegeta.ConstantPacer{Freq: t.Rate, Per: time.Second}
		err := attack(vegeta.NewAttacker(), rate, time.Duration(t.N)*time.Second/time.Duration(t.Rate), "/")
		// What it had not caught up with when the time was over was not sent.
		r := report{}
		for i := range hits {
			r.Planned = append(r.Planned, int64(i)*int64(time.Second)/int64(t.Rate))
		}
		return r, err
	case kindBurst:
		// An attacker serves once; its connections are the client's.
		client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: vegeta.DefaultConnections}}
		burst := func(route string) error {
			a := vegeta.NewAttacker(vegeta.Workers(burstSize), vegeta.MaxWorkers(burstSize), vegeta.Client(client))
			return attack(a, atOnce(burstSize), 0, route)
		}
		// Answers that take a while make it open a connection for each.
		if err := burst(slow); err != nil {
			return report{}, err
		}
		for range t.N {
			time.Sleep(rest)
			if err := burst("/"); err != nil {
				return report{}, err
			}
		}
		return report{Lead: burstSize}, nil
	}
	return report{}, attack(vegeta.NewAttacker(vegeta.Workers(workers), vegeta.MaxWorkers(workers)), atOnce(t.N), 0, "/")
}
