package faulttest

import (
	"bytes"
	"crypto/tls"
	"testing"
	"time"

	"golang.org/x/net/http2"

	"apisonde/probe/rogue"
)

// framing are the faults of HTTP/2.
func framing() []fault {
	return []fault{
		{47, "a farewell before the request is processed", func(t *testing.T) {
			framed(t, "stream", func(x *rogue.Stream) bool {
				_ = x.WriteGoAway(0, http2.ErrCodeNo, nil)
				return false
			})
		}},
		{48, "a farewell after it was processed", farewell},
		{49, "a stream that is refused", func(t *testing.T) {
			framed(t, "stream", func(x *rogue.Stream) bool { return x.WriteRSTStream(x.ID, http2.ErrCodeRefusedStream) == nil })
		}},
		{50, "calm down", func(t *testing.T) {
			framed(t, "stream", func(x *rogue.Stream) bool { return x.WriteRSTStream(x.ID, http2.ErrCodeEnhanceYourCalm) == nil })
		}},
		{51, "one stream a connection", oneStream},
		{52, "a flood of settings", func(t *testing.T) {
			flood(t, func(x *rogue.Stream) error {
				return x.WriteSettings(http2.Setting{ID: http2.SettingMaxFrameSize, Val: 1 << 14})
			})
		}},
		{53, "headers that go on and on", func(t *testing.T) {
			block := bytes.Repeat(rogue.Block("x-limit", "some value that takes up room"), 100)
			opened := map[*http2.Framer]bool{}
			flood(t, func(x *rogue.Stream) error {
				if !opened[x.Framer] {
					opened[x.Framer] = true
					return x.WriteHeaders(http2.HeadersFrameParam{StreamID: x.ID, BlockFragment: rogue.Block(":status", "200")})
				}
				return x.WriteContinuation(x.ID, false, block)
			})
		}},
		{54, "a window that never opens", shut},
		{55, "versions of HTTP side by side", func(t *testing.T) {
			s := start(t, rogue.Options{}, rogue.Say(rogue.OK))
			o := assess(s.URL(), "--http", "1.1,2").do(t)
			o.check(t, 0, exitUsage)
			o.unsent(t, s.Conns())
		}},
	}
}

// overFrames is an assessment over HTTP/2.
func overFrames(url string, flags ...string) *run {
	return assess(url, append([]string{"--http", "2"}, flags...)...)
}

// framed has the server misbehave from the first request on, once in between, and
// from the fourth on, without and with TLS. Each request has exactly one HEADERS
// frame.
func framed(t *testing.T, fault string, bad rogue.Frames) {
	ok := rogue.SayFrames(200)
	once := func(x *rogue.Stream) bool {
		if x.N == 4 {
			return bad(x)
		}
		return ok(x)
	}
	for _, c := range []struct {
		name   string
		frames rogue.Frames
		at     int
		code   int
	}{
		{"first", bad, 1, exitRuntime},
		{"once", once, 4, exitInconclusive},
		{"always", rogue.FramesFrom(4, ok, bad), 4, exitSafety},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			a := authority(t)
			conf := &tls.Config{NextProtos: []string{"h2"}, Certificates: []tls.Certificate{certificate(t, a, "127.0.0.1", time.Hour)}}
			for _, conf := range []*tls.Config{nil, conf} {
				s := start(t, rogue.Options{TLS: conf, Frames: c.frames}, nil)
				r := overFrames(s.URL())
				r.env = append(r.env, trusted(t, a))
				have := r.do(t).check(t, s.Requests(), c.code)
				odd{fault: fault}.is(t, have, c.at)
				if s.Requests() != have.intents {
					t.Errorf("%d HEADERS frames for %d requests", s.Requests(), have.intents)
				}
			}
		})
	}
}

// farewell says with every answer that nothing more is taken. The answer counts. It ends
// after that was said, so that the next request cannot leave before it is known.
func farewell(t *testing.T) {
	head := rogue.Block(":status", "200")
	s := start(t, rogue.Options{Frames: func(x *rogue.Stream) bool {
		return x.WriteHeaders(http2.HeadersFrameParam{StreamID: x.ID, BlockFragment: head, EndHeaders: true}) == nil &&
			x.WriteGoAway(x.ID, http2.ErrCodeNo, nil) == nil && x.WriteData(x.ID, true, []byte("ok")) == nil
	}}, nil)
	have := overFrames(s.URL()).do(t).check(t, s.Requests(), exitInconclusive)
	answered := 0
	for _, o := range have.seen {
		if o.Status == 200 && o.Fault == "" {
			answered++
		}
	}
	if s.Requests() != have.intents || answered < have.intents {
		t.Errorf("%d HEADERS frames for %d requests, of which %d were answered: %v", s.Requests(), have.intents, answered, have.seen)
	}
}

// oneStream lets each connection have one stream at a time. That is no limit on
// requests at once.
func oneStream(t *testing.T) {
	ok := rogue.SayFrames(200)
	s := start(t, rogue.Options{Settings: []http2.Setting{{ID: http2.SettingMaxConcurrentStreams, Val: 1}}, Frames: ok}, nil)
	o := overFrames(s.URL(), "--max-requests", "200", "--max-duration", "10s").do(t)
	have := o.check(t, s.Requests(), exitOK, exitInconclusive)
	if v := o.verdict(t); len(v.Limits) != 0 {
		t.Errorf("a limit was found: %+v", v.Limits)
	}
	for _, x := range have.seen {
		if x.Fault != "" {
			t.Errorf("%v", x)
		}
	}
}

// flood sends a frame again and again instead of an answer. It costs neither
// memory nor time without bound.
func flood(t *testing.T, send func(*rogue.Stream) error) {
	calm := start(t, rogue.Options{Frames: rogue.SayFrames(200)}, nil)
	usual := overFrames(calm.URL()).do(t).peak
	s := start(t, rogue.Options{Frames: func(x *rogue.Stream) bool {
		for range 200_000 {
			if send(x) != nil {
				return false
			}
		}
		return false
	}}, nil)
	o := overFrames(s.URL()).do(t)
	have := o.check(t, s.Requests(), exitRuntime)
	if have.intents != 1 || s.Requests() != 1 || have.seen[0].Fault == "" {
		t.Errorf("%d requests, %d in the trace: %v", s.Requests(), have.intents, have.seen)
	}
	if grown := o.peak - usual; grown > 24<<20 {
		t.Errorf("it cost %d MiB of memory", grown>>20)
	}
}

// shut never lets the body of a request through.
func shut(t *testing.T) {
	s := start(t, rogue.Options{Settings: []http2.Setting{{ID: http2.SettingInitialWindowSize, Val: 0}}, Frames: func(*rogue.Stream) bool { return true }}, nil)
	have := overFrames(s.URL(), "-X", "POST", "--side-effect-free", "--data", "literal:x").do(t).check(t, s.Requests(), exitRuntime)
	odd{fault: "timeout"}.is(t, have, 1)
	if s.Requests() != 1 {
		t.Errorf("%d HEADERS frames for one request", s.Requests())
	}
}
