package faulttest

import (
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"html"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"apisonde/probe/rogue"
)

// parrot repeats what it was told, in every spelling, wherever a response has room.
func parrot(status int, told []string) rogue.Answer {
	secrets := map[string]string{}
	for _, name := range told {
		secrets[name] = canary[name]
	}
	var b strings.Builder
	reason := []string{"No"}
	for _, c := range secrets {
		reason = append(reason, c, strings.ToUpper(c))
	}
	fmt.Fprintf(&b, "HTTP/1.1 %d %s\r\n", status, strings.Join(reason, " "))
	for name, c := range secrets {
		fmt.Fprintf(&b, "X-RateLimit-Scope: %s\r\nX-Limit-%s: 5\r\nLocation: /login?next=%s\r\nWWW-Authenticate: Basic realm=%q\r\nSet-Cookie: s=%s\r\n",
			c, hex.EncodeToString([]byte(c)), url.QueryEscape(c), c, c)
		fmt.Fprintf(&b, "X-RateLimit-Policy: 5;w=1;k=%s\r\nServer: %s\r\nRetry-After: %s\r\nETag: %q\r\n", base64.StdEncoding.EncodeToString([]byte(name+":"+c)), c, c, c)
	}
	body := `{"error": "`
	for _, c := range secrets {
		body += fmt.Sprintf("denied %s %s %s %s %s ", c, html.EscapeString(c), url.PathEscape(c), strings.ToUpper(hex.EncodeToString([]byte(c))), c[3:len(c)-3])
	}
	body += `"}`
	fmt.Fprintf(&b, "Content-Length: %d\r\n\r\n%s", len(body), body)
	return rogue.Say(b.String())
}

// carrying are the flags of requests that are full of secrets.
var carrying = []string{
	"--user", "u1=env:CANARY_USER", "-H", "Authorization: Bearer " + canary["bearer"],
	"-X", "POST", "--side-effect-free", "--data", `literal:{"session_token": "` + canary["body"] + `"}`,
}

// No secret shows in any output, wherever it travelled and however the server
// gives it back.
func TestNoSecretShows(t *testing.T) {
	t.Parallel()
	answers := map[string]func(told []string) rogue.Answer{
		"success": func(told []string) rogue.Answer { return parrot(200, told) },
		"limit": func(told []string) rogue.Answer {
			return rogue.Window(4, 300*time.Millisecond, parrot(200, told), parrot(429, told))
		},
		"redirect": func(told []string) rogue.Answer { return parrot(302, told) },
		"refusal":  func(told []string) rogue.Answer { return parrot(401, told) },
		"failure":  func(told []string) rogue.Answer { return rogue.From(4, parrot(200, told), parrot(500, told)) },
	}
	for name, text := range map[string]string{
		"status line": "HTTP/1.1 %s\r\n\r\n", "unsolicited": rogue.OK + "%s\r\n\r\n", "header line": "HTTP/1.1 200 OK\r\n%s\r\n\r\n",
		"chunk": "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n%s\r\n", "hint": "HTTP/1.1 103 %s\r\nLink: %s\r\n\r\n" + rogue.OK,
	} {
		answers[name] = func(told []string) rogue.Answer {
			return rogue.From(3, parrot(200, told), rogue.Say(strings.ReplaceAll(text, "%s", canary[told[0]])))
		}
	}
	for name, answer := range answers {
		for place, key := range map[string]string{
			"header:X-Api-Key": "key", "bearer": "bearer", "basic": "basic", "query:api_key": "query", "cookie:session": "cookie",
		} {
			if place != "header:X-Api-Key" && name != "limit" && name != "refusal" && !longForms() {
				continue
			}
			t.Run(name+"/"+place, func(t *testing.T) {
				t.Parallel()
				told, flags := []string{key, "user", "body"}, carrying
				if place == "bearer" || place == "basic" {
					flags = append(append([]string{}, carrying[:2]...), carrying[4:]...)
				} else {
					told = append(told, "bearer")
				}
				s := start(t, rogue.Options{}, answer(told))
				r := &run{args: []string{"probe", s.URL(), "--yes", "--trace", "t.ndjson", "--report", "r.md", "--output", "ndjson",
					"--max-requests", "25", "--key", "k1=env:CANARY_" + strings.ToUpper(key), "--key-in", place}}
				r.args = append(r.args, flags...)
				o := r.do(t)
				o.check(t, s.Requests(), exitOK, exitInconclusive, exitRuntime, exitSafety)
				if s.Requests() == 0 {
					t.Error("nothing was sent")
				}
				if name != "limit" {
					return
				}
				for _, args := range [][]string{{"report", "t.ndjson"}, {"analyze", "t.ndjson", "--output", "json"}, {"analyze", "t.ndjson"}} {
					(&run{args: args, dir: r.dir}).do(t).hygiene(t)
				}
			})
		}
	}
}

// Nor on the screen, nor in what inspect tells.
func TestNoSecretShowsElsewhere(t *testing.T) {
	t.Parallel()
	told := []string{"key", "user", "bearer", "body"}
	s := start(t, rogue.Options{}, rogue.Window(4, 300*time.Millisecond, parrot(200, told), parrot(429, told)))
	for _, output := range []string{"plain", "json"} {
		r := &run{args: append([]string{"inspect", s.URL(), "--yes", "--output", output, "--key", "env:CANARY_KEY"}, carrying...)}
		r.do(t).hygiene(t)
	}
	r := &run{args: append([]string{"tui", s.URL(), "--yes", "--trace", "t.ndjson", "--report", "r.md", "--max-requests", "60", "--key", "env:CANARY_KEY"}, carrying...)}
	scr := r.show(t, 40, 120)
	scr.Await(t, "save report")
	for _, view := range []string{"1 Plan", "2 Live", "4 Advice", "5 Headers", "3 Verdict"} {
		scr.Press(t, view[:1])
		scr.Await(t, "["+view+"]")
	}
	scr.Press(t, "s")
	scr.Await(t, "saved r.md")
	scr.Press(t, "q")
	o := scr.end(t)
	o.hygiene(t)
	if !strings.Contains(o.file(t, "r.md"), "[redacted]") {
		t.Error("the server repeated nothing: the test shows nothing")
	}
}

// What a run writes is its owner's alone, whatever the umask.
func TestModes(t *testing.T) {
	t.Parallel()
	for _, mask := range []int{0o000, 0o022} {
		s := start(t, rogue.Options{}, rogue.Say(rogue.OK))
		r := assess(s.URL())
		r.without("--trace")
		r.around.Umask = &mask
		o := r.do(t)
		files := 0
		err := filepath.WalkDir(filepath.Join(o.dir, "state"), func(path string, d fs.DirEntry, err error) error {
			if err != nil {
				return err
			}
			info, err := d.Info()
			want := fs.FileMode(0o600)
			if d.IsDir() {
				want = 0o700
			} else if strings.HasSuffix(path, ".ndjson") {
				files++
			}
			if err == nil && info.Mode().Perm() != want {
				t.Errorf("umask %03o: %s has mode %v, want %v", mask, path, info.Mode(), want)
			}
			return err
		})
		if err != nil || files != 1 {
			t.Errorf("umask %03o: %d traces, %v", mask, files, err)
		}
		if info, err := os.Stat(filepath.Join(o.dir, "r.md")); err != nil || info.Mode().Perm()&0o022 != 0 {
			t.Errorf("umask %03o: the report: %v, %v", mask, info, err)
		}
	}
}
