package rogue

import (
	"bytes"
	"io"
	"net"
	"strconv"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"
)

// Stream is one request over HTTP/2, whose HEADERS frame was read.
type Stream struct {
	*http2.Framer
	Conn   net.Conn
	ID     uint32
	N      int // number of the request over all connections, from 1
	OnConn int // number of the request on its connection, from 1
}

// Frames says what to do with a request over HTTP/2. It returns false to hang up.
type Frames func(*Stream) bool

// serveFrames speaks HTTP/2 on a connection. Every HEADERS frame that opens a
// stream counts as a request.
func (s *Server) serveFrames(c net.Conn) {
	preface := make([]byte, len(http2.ClientPreface))
	if _, err := io.ReadFull(c, preface); err != nil || string(preface) != http2.ClientPreface {
		return
	}
	f := http2.NewFramer(c, c)
	f.ReadMetaHeaders = hpack.NewDecoder(4096, nil)
	if f.WriteSettings(s.opt.Settings...) != nil {
		return
	}
	for on := 0; ; {
		frame, err := f.ReadFrame()
		if err != nil {
			return
		}
		switch frame := frame.(type) {
		case *http2.SettingsFrame:
			if !frame.IsAck() {
				err = f.WriteSettingsAck()
			}
		case *http2.PingFrame:
			if !frame.IsAck() {
				err = f.WritePing(true, frame.Data)
			}
		case *http2.MetaHeadersFrame:
			on++
			s.count(field(frame, "x-api-key"))
			x := &Stream{Framer: f, Conn: c, ID: frame.StreamID, N: int(s.requests.Add(1)), OnConn: on}
			if !s.opt.Frames(x) {
				return
			}
		}
		if err != nil {
			return
		}
	}
}

func field(f *http2.MetaHeadersFrame, name string) string {
	for _, h := range f.Fields {
		if h.Name == name {
			return h.Value
		}
	}
	return ""
}

// Block is an encoded list of header fields, name after value.
func Block(fields ...string) []byte {
	var b bytes.Buffer
	e := hpack.NewEncoder(&b)
	for i := 0; i+1 < len(fields); i += 2 {
		_ = e.WriteField(hpack.HeaderField{Name: fields[i], Value: fields[i+1]}) // a buffer takes all
	}
	return b.Bytes()
}

// SayFrames answers every request with a status, header fields and a short body.
func SayFrames(status int, fields ...string) Frames {
	block := Block(append([]string{":status", strconv.Itoa(status)}, fields...)...)
	return func(x *Stream) bool {
		return x.WriteHeaders(http2.HeadersFrameParam{StreamID: x.ID, BlockFragment: block, EndHeaders: true}) == nil &&
			x.WriteData(x.ID, true, []byte("ok")) == nil
	}
}

// FramesFrom is From for HTTP/2.
func FramesFrom(n int, first, then Frames) Frames {
	return func(x *Stream) bool {
		if x.N < n {
			return first(x)
		}
		return then(x)
	}
}
