package cli

import (
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"apisonde/analyze/header"
	"apisonde/probe/guard"
	"apisonde/probe/trace"
)

// careFlags say what the run spares the server beside its ceilings.
func careFlags() []cli.Flag {
	const group = "Care"
	return []cli.Flag{
		&cli.StringFlag{Name: "leave", Category: group, Usage: "`SHARE` of a stated quota that is not spent, as 20%, where its window is longer than five minutes", DefaultText: "20%; loopback 0%"},
		&cli.StringFlag{Name: "learn", Category: group, Usage: "`bans` goes on where the server seems to ban, to learn about penalties; on loopback it always does"},
	}
}

// readCare reads --leave and --learn.
func readCare(c *cli.Context, loopback bool) (care guard.Care, learnBans bool, err error) {
	care = guard.DefaultCare(loopback)
	if c.IsSet("leave") {
		share, percent := strings.CutSuffix(c.String("leave"), "%")
		v, err := strconv.ParseFloat(share, 64)
		if err != nil || !percent || math.IsNaN(v) || v < 0 || v > 100 {
			return care, false, usagef("--leave is a share between 0%% and 100%%, as 20%%")
		}
		care.Leave = v / 100
	}
	if c.IsSet("learn") && c.String("learn") != "bans" {
		return care, false, usagef("--learn knows bans alone")
	}
	return care, c.IsSet("learn"), nil
}

// longestClaim bounds the times that an answer states; header values may be
// anything.
const longestClaim = 366 * 24 * time.Hour

// claimsSince reads what answers state of waits and quotas, for a run that began
// at a wall-clock time.
func claimsSince(started time.Time) func(trace.Observation) guard.Claim {
	return func(o trace.Observation) guard.Claim {
		d := header.Decode(o.Status, o.Headers, []byte(o.Body.Text), started.Add(o.FirstByte))
		c := guard.Claim{Wait: span(d.WaitS)}
		for _, q := range d.Quotas {
			if q.Limit.Known && q.Remaining.Known && q.Unit != "concurrency" {
				c.Quotas = append(c.Quotas, guard.Quota{
					Limit: q.Limit.Value, Remaining: q.Remaining.Value, Window: span(q.WindowS), Reset: span(q.ResetInS),
				})
			}
		}
		return c
	}
}

// span is a stated number of seconds, 0 where there is none.
func span(n header.Num) time.Duration {
	if !n.Known || !(n.Value > 0) {
		return 0
	}
	return time.Duration(min(n.Value, longestClaim.Seconds()) * float64(time.Second))
}
