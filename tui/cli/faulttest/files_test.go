package faulttest

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"hash/crc32"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"apisonde/probe/rogue"
)

// reading are the faults of files that are given to the program.
func reading() []fault {
	return []fault{
		{106, "a line of 1 GiB", endless},
		{107, "JSON that is nested deeply", nested},
		{108, "a request number twice", func(t *testing.T) {
			forged(t, exitRuntime, "request 1", meta(""), obs("intent", 1, ""), obs("intent", 1, ""))
		}},
		{109, "times that are no numbers or run backwards", func(t *testing.T) {
			forged(t, exitRuntime, "line 2", meta(""), obs("intent", 1, `"planned":NaN`), obs("intent", 2, ""))
			forged(t, exitRuntime, "cannot be", meta(""), obs("intent", 1, `"planned":-5`))
			forged(t, exitRuntime, "before it was sent", meta(""), obs("intent", 1, ""), obs("outcome", 1, `"written":9,"first":3`))
			forged(t, exitRuntime, "line 2", meta(""), obs("intent", 1, `"planned":1e99`), obs("intent", 2, ""))
		}},
		{110, "a compressed file that is cut off", cutOff},
		{111, "names that lead out of the folder", climbing},
		{112, "a trace of a newer version", func(t *testing.T) {
			forged(t, exitRuntime, "newer than apisonde/trace/v1", strings.Replace(meta(""), "trace/v1", "trace/v2", 1))
		}},
		{113, "characters that act in every text", acted},
	}
}

// seal turns records into a trace, with numbers and checksums that hold.
func seal(records ...string) []byte {
	var b bytes.Buffer
	table := crc32.MakeTable(crc32.Castagnoli)
	for i, r := range records {
		line := fmt.Sprintf(`{"line":%d,%s`, i+1, r)
		fmt.Fprintf(&b, "%s,\"crc\":\"%08x\"}\n", line, crc32.Checksum([]byte(line), table))
	}
	return b.Bytes()
}

// meta, obs and end are records without number and checksum.
func meta(text string) string {
	q := quoted(text)
	return fmt.Sprintf(`"type":"meta","format":"apisonde/trace/v1","meta":{"tool":%[1]s,"target":{"method":%[1]s,"url":"http://127.0.0.1/%[2]s"},`+
		`"started":"2026-01-02T03:04:05Z","seed":1,"roster":{"ips":["a%[2]s"],"keys":[{"name":"k%[2]s","owner":%[1]s}],"users":["u%[2]s"],"forwarded":["f%[2]s"],"routes":["/%[2]s"]},`+
		`"budget":{"max_requests":100,"max_duration":60000000000,"max_inflight":4},"loopback":true}`, q, q[1:len(q)-1])
}

func obs(kind string, seq int, more string) string {
	if more != "" {
		more = "," + more
	}
	return fmt.Sprintf(`"type":%q,"obs":{"seq":%d,"step":0,"id":{"ip":"a"},"route":"/","conn":1%s}`, kind, seq, more)
}

func end(requests int, reason string) string {
	return fmt.Sprintf(`"type":"end","end":{"reason":%s,"at":9000000000,"requests":%d}`, quoted(reason), requests)
}

func quoted(s string) string { return string(must(json.Marshal(s))) }

// over runs the commands that read a trace on a file and checks what holds always.
func over(t *testing.T, name string, content []byte, code int, says string) []outcome {
	t.Helper()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, name), content, 0o600); err != nil {
		t.Fatal(err)
	}
	var all []outcome
	for _, args := range [][]string{
		{"analyze", name, "--output", "json", "--report", "r.md"}, {"analyze", name, "--output", "plain"},
		{"analyze", name, "--output", "ndjson"}, {"report", name},
	} {
		o := (&run{args: args, dir: dir}).do(t)
		o.hygiene(t)
		if o.code != code {
			t.Errorf("%q: exit %d, want %d\n%s", args, o.code, code, o.stderr)
		}
		o.says(t, says)
		all = append(all, o)
	}
	return all
}

func forged(t *testing.T, code int, says string, records ...string) {
	t.Helper()
	over(t, "given-t.ndjson", seal(records...), code, says)
}

// A line without end is given up at its bound, whatever the file's size.
func endless(t *testing.T) {
	dir := t.TempDir()
	for name, head := range map[string][]byte{"given-t.ndjson": seal(meta("")), "given-o.ndjson": []byte("{"), "given-h.har": []byte(`{"log":`), "given-r.txt": []byte("HTTP/1.1 200 OK\r\nX: ")} {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, head, 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Truncate(path, 1<<30); err != nil { // holes, which read as zeros
			t.Fatal(err)
		}
		command := "analyze"
		if !strings.HasSuffix(name, ".ndjson") {
			command = "inspect"
		}
		o := (&run{args: []string{command, path}, dir: dir}).do(t)
		o.hygiene(t)
		// Of a response by itself what precedes the bound is told.
		if o.code != exitRuntime && o.code != exitUsage && name != "given-r.txt" {
			t.Errorf("%s %s: exit %d\n%s", command, name, o.code, o.stderr)
		}
		if o.peak > 256<<20 {
			t.Errorf("%s %s: it took %d MiB", command, name, o.peak>>20)
		}
		if len(o.stderr) > 1<<10 {
			t.Errorf("%s %s: %d bytes of messages", command, name, len(o.stderr))
		}
	}
}

func nested(t *testing.T) {
	deep := strings.Repeat("[", 100_000)
	forged(t, exitRuntime, "line 2", meta(""), `"type":"intent","obs":`+deep, obs("intent", 1, ""))
	dir := t.TempDir()
	for name, text := range map[string]string{"given-a.har": `{"log":` + deep, "given-b.har": `{"log":{"entries":` + deep, "given-c.txt": "HTTP/1.1 429 No\r\n\r\n{\"error\":" + deep} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		o := (&run{args: []string{"inspect", name}, dir: dir}).do(t)
		o.hygiene(t)
		if want := map[bool][]int{true: {exitOK}, false: {exitUsage, exitRuntime}}[name == "given-c.txt"]; !slices.Contains(want, o.code) {
			t.Errorf("inspect %s: exit %d, want %v\n%s", name, o.code, want, o.stderr)
		}
	}
}

func cutOff(t *testing.T) {
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	_, _ = w.Write(seal(meta(""), obs("intent", 1, ""), obs("outcome", 1, `"written":1,"first":2,"done":3,"status":200`), end(1, "")))
	_ = w.Close()
	over(t, "given-t.ndjson.gz", b.Bytes()[:b.Len()/2], exitRuntime, "not a trace")
	over(t, "given-t.ndjson", seal(meta(""), obs("intent", 1, ""))[:200], exitRuntime, "not a trace")
}

// Whatever names a file or a target holds, nothing is written but where the
// command line says.
func climbing(t *testing.T) {
	outer := t.TempDir()
	dir := filepath.Join(outer, "a", "b")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	const climb = "../../x"
	trace := seal(meta(climb), obs("intent", 1, ""), obs("outcome", 1, `"written":1,"first":2,"done":3,"status":200`), end(1, climb))
	har := `{"log":{"version":"1.2","creator":{"name":"../../x","version":"1"},"entries":[{"startedDateTime":"2026-01-02T03:04:05Z","time":1,` +
		`"request":{"method":"GET","url":"http://127.0.0.1/../../x"},"response":{"status":200,"headers":[{"name":"../../x","value":"../../x"}],"content":{}}}]}}`
	for name, content := range map[string][]byte{"given-t.ndjson": trace, "given-h.har": []byte(har)} {
		if err := os.WriteFile(filepath.Join(dir, name), content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for _, args := range [][]string{{"analyze", "given-t.ndjson", "--report", "r.md"}, {"report", "given-t.ndjson"}, {"inspect", "given-h.har"}} {
		o := (&run{args: args, dir: dir}).do(t)
		o.hygiene(t)
		if o.code == exitUsage || o.code == exitRuntime {
			t.Errorf("%q: exit %d\n%s", args, o.code, o.stderr)
		}
	}
	// The default name of a trace comes from the host.
	s := start(t, rogue.Options{}, rogue.Say(rogue.OK))
	r := assess(s.URL())
	r.dir = dir
	r.without("--trace")
	r.do(t).hygiene(t)
	for _, where := range []string{outer, filepath.Join(outer, "a")} {
		for _, e := range must(os.ReadDir(where)) {
			if !e.IsDir() {
				t.Errorf("%s was written outside the folder", e.Name())
			}
		}
	}
}

// nasty are characters that act on terminals, on readers of text, on markdown, on
// spreadsheets.
const nasty = "=1+1|\x1b]52;c;ZXZpbA==\x07\x1b[2J\u009b31m\u202egnp.exe\u200b\u2028<img src=x onerror=y>[a](javascript:b)`c`\r\x00\x7f"

// acted puts them into every text of a trace.
func acted(t *testing.T) {
	var records []string
	records = append(records, meta(nasty))
	q := quoted(nasty)
	seq := 0
	for i := range 30 {
		seq++
		status := 200
		if i%3 == 2 {
			status = 429
		}
		at := (seq + 1) * 1_000_000
		more := fmt.Sprintf(`"planned":%d,"written":%d,"first":%d,"done":%d,"status":%d,"headers":[{"n":%s,"v":%s},{"n":"Retry-After","v":%s}],"body":{"bytes":9,"digest":%s,"text":%s}`,
			at, at, at+1000, at+2000, status, q, q, q, q, q)
		id := strings.Replace(obs("intent", seq, ""), `"ip":"a"`, `"ip":`+q+`,"key":`+q+`,"owner":`+q+`,"user":`+q+`,"forwarded":`+q, 1)
		records = append(records, strings.Replace(id, `"/"`, q, 1))
		records = append(records, strings.Replace(strings.Replace(id, `"intent"`, `"outcome"`, 1), `"conn":1`, `"conn":1,`+more, 1))
	}
	records = append(records, end(seq, nasty))
	for _, o := range over(t, "given-t.ndjson", seal(records...), exitInconclusive, "") {
		harmless(t, o.stdout)
	}
}
