package cli

import (
	"encoding/json"
	"fmt"
	"io"
	"text/tabwriter"

	"apisonde/probe/plan"
	"apisonde/probe/trace"
)

// mostRows bounds the table of a plan on the screen; the JSON form has every row.
const mostRows = 40

// writePlan prints what a run may cost and what it cannot show.
func writePlan(w io.Writer, p plan.Plan) error {
	rate := "no ceiling on the rate"
	if p.Budget.MaxRate > 0 {
		rate = fmt.Sprintf("at most %d in any second", p.PeakRate())
	}
	fmt.Fprintf(w, "Plan: %s %s\n", p.Target.Method, p.Target.URL)
	fmt.Fprintf(w, "At most %d requests over %s, %s, %d at once.\n\n", p.Requests(), p.Budget.MaxDuration, rate, p.Budget.MaxInflight)
	if p.EgressCheck != "" {
		fmt.Fprintf(w, "First, one request from each of %d addresses to %s, which tells where it arrives from.\n\n", len(p.Roster.Vantages), trace.Clean(p.EgressCheck))
	}
	fmt.Fprintf(w, "At worst, for each identity and route (any of these may come true, not all at once):\n")
	cells := p.Worst()
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "  identity\troute\trequests\trejections")
	for _, c := range cells[:min(len(cells), mostRows)] {
		rejections := "no ceiling"
		if c.Rejections > 0 {
			rejections = fmt.Sprint(c.Rejections)
		}
		fmt.Fprintf(t, "  %s\t%s\t%d\t%s\n", trace.Clean(c.Identity.String()), trace.Clean(c.Route), c.Requests, rejections)
	}
	if err := t.Flush(); err != nil {
		return err
	}
	if more := len(cells) - mostRows; more > 0 {
		fmt.Fprintf(w, "  and %d more like these (--output json lists them all)\n", more)
	}
	fmt.Fprintf(w, "\nWhat stays unseen under this plan:\n")
	for _, u := range p.Unseen() {
		if _, err := fmt.Fprintf(w, "  - %s\n", u); err != nil {
			return err
		}
	}
	return nil
}

// planDocument is a plan as other programs read it.
type planDocument struct {
	Schema      string       `json:"schema"`
	Target      trace.Target `json:"target"`
	MaxRequests int          `json:"max_requests"` // what the ceilings together allow
	MaxDuration float64      `json:"max_duration_s"`
	PeakRPS     int          `json:"peak_rps"` // in any one second
	MaxInflight int          `json:"max_inflight"`
	Worst       []planRow    `json:"worst_case"`
	Unseen      []string     `json:"unseen"`
	EgressCheck string       `json:"egress_check,omitempty"` // asked once from each address, within max_requests
}

type planRow struct {
	Identity      trace.Identity `json:"identity"`
	Route         string         `json:"route"`
	MaxRequests   int            `json:"max_requests"`
	MaxRejections *int           `json:"max_rejections"` // null: no ceiling of its own
}

// writePlanJSON prints the plan as one document.
func writePlanJSON(w io.Writer, p plan.Plan) error {
	d := planDocument{
		Schema: "apisonde/plan/v1", Target: p.Target,
		MaxRequests: p.Requests(), MaxDuration: p.Budget.MaxDuration.Seconds(),
		PeakRPS: p.PeakRate(), MaxInflight: p.Budget.MaxInflight,
		Worst: []planRow{}, Unseen: p.Unseen(), EgressCheck: p.EgressCheck,
	}
	for _, c := range p.Worst() {
		row := planRow{Identity: c.Identity, Route: c.Route, MaxRequests: c.Requests}
		if c.Rejections > 0 {
			row.MaxRejections = &c.Rejections
		}
		d.Worst = append(d.Worst, row)
	}
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	return e.Encode(d)
}
