package cli

import (
	"context"
	"fmt"
	"io"
	"slices"

	"github.com/urfave/cli/v2"

	"apisonde/analyze/header"
	"apisonde/probe"
	"apisonde/probe/plan"
	"apisonde/probe/trace"
	"apisonde/report"
)

// inspectLive asks once for each value of the roster, with the consent, the
// ceilings and the journal of a probe, and tells what each response claims.
func inspectLive(c *cli.Context, std *streams, r result) error {
	if c.IsSet("received-at") {
		return usagef("--received-at concerns a saved response; those to a URL arrive now")
	}
	a, may, err := prepareInspection(c, std)
	if err != nil {
		return err
	}
	if may == mustAsk {
		if err := writeInspection(std.err, a.plan); err != nil {
			return err
		}
		if !ask(std, fmt.Sprintf("\nSend this to %s?", a.request.Request.URL.Host)) {
			return usagef("not confirmed; nothing was sent")
		}
	}
	if err := a.resolve(c.Context); err != nil {
		return err
	}
	if err := a.start(nil); err != nil {
		return err
	}
	res, code := surveyed(c.Context, a)
	return concludeInspection(std, r, a, res, code)
}

// prepareInspection is prepare for a run that sends no more than one request for
// each value of the roster.
func prepareInspection(c *cli.Context, std *streams) (*assessment, consent, error) {
	cfg, err := configure(c, std, formOf(c))
	if err != nil {
		return nil, refused, err
	}
	b := &cfg.plan.Budget
	b.MaxRequests = min(b.MaxRequests, cfg.plan.Opening())
	may, err := consentOf(c, cfg.send.Request.URL, cfg.near(), std.asks())
	if err != nil {
		return nil, refused, err
	}
	if err := cfg.resolve(std); err != nil {
		return nil, refused, err
	}
	a, err := newAssessment(cfg, c)
	if err != nil {
		return nil, refused, err
	}
	a.survey = true
	return a, may, nil
}

// writeInspection says what is about to be sent.
func writeInspection(w io.Writer, p plan.Plan) error {
	fmt.Fprintf(w, "Inspect: %s %s\nOne request for each of these, at most %d in all:\n", p.Target.Method, p.Target.URL, p.Budget.MaxRequests)
	all := p.Roster.Canaries()
	if p.EgressCheck != "" {
		fmt.Fprintf(w, "  - first, from each of %d addresses, %s\n", len(p.Roster.Vantages), trace.Clean(p.EgressCheck))
	}
	for _, c := range all[:min(len(all), mostRows)] {
		if _, err := fmt.Fprintf(w, "  - %s %s\n", trace.Clean(c.Identity.String()), trace.Clean(c.Route)); err != nil {
			return err
		}
	}
	if more := len(all) - mostRows; more > 0 {
		fmt.Fprintf(w, "  and %d more\n", more)
	}
	return nil
}

// surveyed runs a survey until its end or a signal, and returns the signal's exit
// code or 0.
func surveyed(ctx context.Context, a *assessment) (probe.Result, int) {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	signals := watchSignals(stop, a.abort)
	defer signals.close()
	return a.send(ctx), signals.code()
}

// concludeInspection tells what came of a survey. A response of whatever status is
// what was asked for; that nobody answered is a failure.
func concludeInspection(std *streams, r result, a *assessment, res probe.Result, code int) error {
	list := inspectionsOf(res.Trace, a.rules)
	for _, o := range res.Trace.Observations {
		if o.Status == 0 {
			fmt.Fprintf(std.err, "apisonde: %s %s: no answer (%s)\n", trace.Clean(o.Identity.String()), trace.Clean(o.Route), o.Fault)
		}
	}
	if len(list) == 0 {
		if why := a.sender.Explain(); why != "" {
			fmt.Fprintf(std.err, "apisonde: %s\n", why)
		}
		code = worst(code, exitRuntime)
	}
	if res.Err != nil {
		fmt.Fprintf(std.err, "apisonde: %v\n", res.Err)
	}
	if res.Reason == probe.StopTrace {
		code = worst(code, exitTrace)
	}
	for _, n := range res.Notes {
		fmt.Fprintf(std.err, "note: %s\n", n)
	}
	tellEgress(std, res.Trace)
	if unsent := a.plan.Opening() - len(res.Trace.Observations); unsent > 0 {
		fmt.Fprintf(std.err, "note: not asked: %d of %d\n", unsent, a.plan.Opening())
	}
	var err error
	switch {
	case r.format == formatJSON:
		err = printDocument(std, documentOf(list))
	case len(list) > 0:
		err = printResponses(std, r, list, report.SideBySide)
	}
	if err != nil {
		fmt.Fprintf(std.err, "apisonde: %v\n", err)
		code = worst(code, exitRuntime)
	}
	fmt.Fprintf(std.err, "trace: %s\n", a.path)
	if code != exitOK {
		return &failure{code: code}
	}
	return nil
}

// tellEgress says where requests arrived from, where that was asked.
func tellEgress(std *streams, t trace.Trace) {
	var seen trace.Egresses
	for _, o := range t.Observations {
		seen.Add(o)
	}
	for _, e := range seen.List() {
		fmt.Fprintf(std.err, "seen from: %s %s\n", trace.Clean(e.Vantage), trace.Clean(e.Address))
	}
}

// inspectionsOf reads the responses of a trace.
func inspectionsOf(t trace.Trace, rules header.Rules) []inspection {
	var out []inspection
	for _, o := range t.Observations {
		if o.Status == 0 || o.Egress != "" {
			continue
		}
		i := inspection{identity: o.Identity, route: o.Route}
		raw := header.Raw{Status: o.Status, Headers: o.Headers, Body: []byte(o.Body.Text)}
		i.response = decode(raw, t.Meta.Started.Add(o.FirstByte), rules)
		i.response.Took = o.FirstByte - o.Written
		i.response.Of = callerOf(o, t.Meta.Roster)
		out = append(out, i)
	}
	return out
}

// callerOf names who asked, and what for, as far as the roster leaves a choice.
func callerOf(o trace.Observation, r trace.Roster) string {
	id, route := o.Identity, ""
	if len(r.Vantages) < 2 && slices.Equal(r.Vantages, []string{anyAddress}) {
		id.Vantage = ""
	}
	if len(r.Routes) > 1 {
		route = " " + o.Route
	}
	return string(trace.Clean(id.String() + route))
}
