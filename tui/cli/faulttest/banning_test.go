package faulttest

import (
	"net"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"apisonde/probe/rogue"
)

// doorman has a window for each key, and bans one caller, by address or by key,
// after three rejections.
type doorman struct {
	bans func(addr, key string) bool

	mu       sync.Mutex
	began    map[string]time.Time
	used     map[string]int
	rejected int
	banned   [2]string // address and key of the first one
	into     int       // further requests of who shares either
	beyond   int       // and of who does not
}

func (d *doorman) answer(x *rogue.Exchange) bool {
	addr, _, _ := net.SplitHostPort(x.RemoteAddr().String())
	key := x.Request.Header.Get("X-Api-Key")
	d.mu.Lock()
	switch {
	case d.banned == [2]string{}:
	case d.banned[0] == addr || d.banned[1] == key:
		d.into++
	default:
		d.beyond++
	}
	if now := time.Now(); now.Sub(d.began[key]) >= window {
		d.began[key], d.used[key] = now, 0
	}
	d.used[key]++
	over := d.used[key] > quota
	if over && d.bans(addr, key) {
		d.rejected++
	}
	out := d.rejected > 3 && d.bans(addr, key)
	if out && d.banned == [2]string{} {
		d.banned = [2]string{addr, key}
	}
	d.mu.Unlock()
	switch {
	case out:
		return rogue.Say(rogue.Response(403, "Forbidden", "banned"))(x)
	case over:
		return refused()(x)
	}
	return rogue.Say(rogue.OK)(x)
}

// bannedAlone: those go on who share neither address nor account with a caller that
// was banned, and what is concluded from them is true.
func bannedAlone(t *testing.T) {
	const second = "a-second-key-of-bob"
	for name, bans := range map[string]func(addr, key string) bool{
		"an address": func(addr, _ string) bool { return addr == "127.0.0.1" },
		"a key":      func(_, key string) bool { return key != second },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := &doorman{bans: bans, began: map[string]time.Time{}, used: map[string]int{}}
			s := start(t, rogue.Options{}, d.answer)
			r, _ := named(t, s.Port(), func(string, int) []netip.Addr { return addresses([]string{"127.0.0.1"}) },
				"--ip", "a=127.0.0.1", "--ip", "b=127.0.0.2", "--key", "k2@bob=literal:"+second,
				"--max-requests", "300", "--max-duration", "25s", "--max-rps", "200", "--max-rejections", "100")
			o := r.do(t)
			o.check(t, s.Requests(), exitOK, exitInconclusive)
			d.mu.Lock()
			defer d.mu.Unlock()
			if d.into > 1 || d.beyond < quota {
				t.Errorf("banned %q; then %d requests came from those who share something with it and %d from another", d.banned, d.into, d.beyond)
			}
			v := o.verdict(t)
			v.agrees(t, usual)
			if v.StopReason != nil && *v.StopReason == "suspected-ban" {
				t.Error("the run ended with the ban of one caller")
			}
			if !strings.Contains(string(o.stderr), "was asked nothing more") {
				t.Errorf("standard error does not say who is left out:\n%s", o.stderr)
			}
		})
	}
}
