package send

import (
	"bytes"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/net/http2"
)

// frames writes frames as a peer would.
func frames(write func(f *http2.Framer)) []byte {
	var b bytes.Buffer
	write(http2.NewFramer(&b, nil))
	return b.Bytes()
}

func TestOffsetsOfAnHTTP2Wire(t *testing.T) {
	t.Parallel()
	w, far := pipe(t)
	w.streams = newStreams()
	go func() {
		buf := make([]byte, 1000)
		for {
			if _, err := far.Read(buf); err != nil {
				return
			}
		}
	}()
	put := func(b []byte) {
		t.Helper()
		if _, err := w.Write(b); err != nil {
			t.Fatal(err)
		}
	}
	get := func(b []byte) {
		t.Helper()
		go func() { _, _ = far.Write(b) }()
		for n := 0; n < len(b); {
			k, err := w.Read(make([]byte, 1000))
			if err != nil {
				t.Fatal(err)
			}
			n += k
		}
	}
	headers := func(stream uint32) []byte {
		return frames(func(f *http2.Framer) {
			_ = f.WriteHeaders(http2.HeadersFrameParam{StreamID: stream, BlockFragment: []byte("x"), EndHeaders: true})
		})
	}
	// The connection is set up before there is a request.
	put(append([]byte(http2.ClientPreface), frames(func(f *http2.Framer) { _ = f.WriteSettings() })...))
	get(frames(func(f *http2.Framer) { _ = f.WriteSettings() }))
	w.begin()
	put(frames(func(f *http2.Framer) { _ = f.WriteSettingsAck() }))
	if w.written.Load() != 0 || w.out.Load() != 0 {
		t.Error("settings were taken for a request")
	}
	put(append(frames(func(f *http2.Framer) { _ = f.WritePing(true, [8]byte{}) }), headers(1)...))
	written := w.written.Load()
	if written == 0 || w.out.Load() == 0 {
		t.Error("a request was not seen")
	}
	get(frames(func(f *http2.Framer) { _ = f.WritePing(false, [8]byte{}); _ = f.WriteWindowUpdate(0, 9) }))
	get(headers(7))
	if w.firstByte() != 0 {
		t.Error("what is not the answer was taken for it")
	}
	get(headers(1))
	first := w.firstByte()
	get(frames(func(f *http2.Framer) { _ = f.WriteData(1, true, []byte("body")) }))
	if first <= time.Duration(written) || w.firstByte() != first || w.written.Load() != written {
		t.Errorf("written %v, first byte %v, then %v", written, first, w.firstByte())
	}
	w.begin()
	if w.firstByte() != 0 {
		t.Error("an offset outlived its request")
	}
}

// However bytes are cut, the same frames are found in them, and foreign bytes do no
// harm.
func FuzzScanner(f *testing.F) {
	good := frames(func(f *http2.Framer) {
		_ = f.WriteSettings()
		_ = f.WriteHeaders(http2.HeadersFrameParam{StreamID: 3, BlockFragment: []byte("abc")})
		_ = f.WriteRSTStream(3, http2.ErrCodeRefusedStream)
		_ = f.WriteGoAway(3, http2.ErrCodeEnhanceYourCalm, []byte("calm"))
		_ = f.WriteData(5, true, []byte("data"))
	})
	f.Add(good, uint8(1))
	f.Add(good, uint8(4))
	f.Add([]byte("HTTP/1.1 200 OK\r\n\r\n"), uint8(3))
	f.Fuzz(func(t *testing.T, b []byte, cut uint8) {
		var whole, parts []frame
		keep := func(to *[]frame) func(frame) {
			return func(f frame) { f.info = bytes.Clone(f.info); *to = append(*to, f) }
		}
		var s scanner
		s.scan(b, keep(&whole))
		s = scanner{}
		for rest := b; len(rest) > 0; {
			n := min(int(cut)+1, len(rest))
			s.scan(rest[:n], keep(&parts))
			rest = rest[n:]
		}
		if d := cmp.Diff(whole, parts, cmp.AllowUnexported(frame{})); d != "" {
			t.Errorf("(-whole +in parts):\n%s", d)
		}
		if bytes.Equal(b, good) && (len(whole) != 5 || whole[2].kind != frameReset || whole[2].info[3] != 7 || whole[3].info[7] != 11) {
			t.Errorf("%+v", whole)
		}
	})
}
