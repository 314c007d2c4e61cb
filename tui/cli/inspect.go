package cli

import (
	"encoding/json"
	"slices"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"apisonde/analyze/header"
	"apisonde/probe/trace"
	"apisonde/report"
)

func inspectCommand(std *streams) *cli.Command {
	return &cli.Command{
		Name:      "inspect",
		Usage:     "say what responses claim about limits: one request for each identity, or a saved response",
		ArgsUsage: "[URL|FILE|-]",
		Description: "A URL gets one request for each key, user, address and route. - and FILE are a " +
			"response instead, as curl -i prints it, or a HAR file; nothing is sent then. What a response " +
			"claims need not be true: apisonde probe measures.",
		Flags: join(identityFlags(), requestFlags(), signFlags(), ceilingFlags(), consentFlags(), only(recordFlags(), "trace"), configFlag(),
			[]cli.Flag{&cli.StringFlag{Name: "received-at", Category: resultGroup, Usage: "`TIME` when a saved response arrived, as 2026-01-02T03:04:05Z", DefaultText: "now; of a HAR file, the time in it"}},
			outputFlag(planFormats), only(verdictFlags(), "color")),
		Action: func(c *cli.Context) error {
			r, err := readResult(c, std, planFormats)
			if err != nil {
				return err
			}
			arg := c.Args().First()
			switch {
			case arg == "" && !c.IsSet("from-curl"):
				return usagef("nothing to inspect; write apisonde inspect URL, or FILE, or - for standard input")
			case arg == "" || strings.Contains(arg, "://"):
				return inspectLive(c, std, r)
			}
			return inspectSaved(c, std, r, arg)
		},
	}
}

// only picks the flag of one name out of a group.
func only(group []cli.Flag, name string) []cli.Flag {
	return slices.DeleteFunc(group, func(f cli.Flag) bool { return f.Names()[0] != name })
}

// inspection is one response that was read.
type inspection struct {
	identity trace.Identity
	route    string
	request  trace.Text // "GET https://host/path", of a response in a HAR file
	response report.Response
}

const inspectSchema = "apisonde/inspect/v1"

// inspectDocument holds what several responses claim: those to several callers, or
// those of a HAR file.
type inspectDocument struct {
	Schema    string         `json:"schema"`
	Responses []inspectEntry `json:"responses"`
}

type inspectEntry struct {
	Identity trace.Identity  `json:"identity"`
	Route    string          `json:"route,omitempty"`
	Request  trace.Text      `json:"request,omitempty"`
	Headers  header.Document `json:"headers"`
}

func documentOf(list []inspection) inspectDocument {
	d := inspectDocument{Schema: inspectSchema, Responses: []inspectEntry{}}
	for _, i := range list {
		d.Responses = append(d.Responses, inspectEntry{i.identity, i.route, i.request, i.response.Claims})
	}
	return d
}

// printDocument writes one JSON document.
func printDocument(std *streams, doc any) error {
	e := json.NewEncoder(std.out)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	if err := e.Encode(doc); err != nil {
		return runtimef("the document cannot be printed: %w", err)
	}
	return nil
}

// printResponses writes responses in words with one of report's functions.
func printResponses(std *streams, r result, list []inspection, write responsesWriter) error {
	var out []report.Response
	for _, i := range list {
		out = append(out, i.response)
	}
	if err := write(std.out, out, report.Color(r.color), report.Width(r.width)); err != nil {
		return runtimef("%w", err)
	}
	return nil
}

// receivedAt reads --received-at; without it, given is false and t is now.
func receivedAt(c *cli.Context) (t time.Time, given bool, err error) {
	if !c.IsSet("received-at") {
		return time.Now(), false, nil
	}
	if t, err = time.Parse(time.RFC3339, c.String("received-at")); err != nil {
		return t, false, usagef("--received-at is a time with its zone, as 2026-01-02T03:04:05Z")
	}
	return t, true, nil
}

// onlySending refuses flags that mean nothing where nothing is sent.
func onlySending(c *cli.Context) error {
	for _, f := range c.Command.Flags {
		if name := f.Names()[0]; c.IsSet(name) && sends(name) {
			return usagef("--%s concerns requests, and a saved response needs none; leave it out, or give a URL, which begins with http:// or https://", name)
		}
	}
	return nil
}

// decode reads the claims of a response. A rule of the user's goes before what the
// response says of itself.
func decode(raw header.Raw, received time.Time, rules header.Rules) report.Response {
	r := report.Response{
		Claims:  header.Decode(raw.Status, raw.Headers, raw.Body, received),
		Headers: raw.Headers, Received: received,
	}
	if rules.Match(raw.Status, raw.Headers, raw.Body) {
		r.Claims.Limited, r.Claims.Kind, r.Claims.Why = true, header.KindLimited, "a rule of --limited-when says so"
	}
	for _, n := range raw.Notes {
		r.Notes = append(r.Notes, string(trace.Clean(n)))
	}
	return r
}
