package infer

import (
	"fmt"
	"time"

	"apisonde/probe/plan"
	"apisonde/probe/trace"
)

// unlimited follows a drain that met no limit: limits on requests in flight and
// those that act on an average show only otherwise.
type unlimited struct{ round int }

func (u *unlimited) stage() string { return "limit" }

// Some limiters look at an average over ten seconds and more before they act.
const lateSpan, latePace = 14 * time.Second, 80 * time.Millisecond

func (u *unlimited) next(e *Engine, now float64) (plan.Step, bool) {
	c := e.log.baseline()
	if u.round > 0 && e.log.ever(c, trace.Limited) {
		settle(e, c)
		return plan.Step{}, false
	}
	u.round++
	switch u.round {
	case 1:
		n := min(64, e.cfg.Budget.MaxInflight, e.spare()/2)
		return plan.Step{
			Question:         "does it limit requests in flight at once?",
			Reason:           fmt.Sprintf("%d requests together on connections dialled beforehand", n),
			Sends:            burst(c, n),
			Width:            n,
			StopAfterLimited: 2,
		}, true
	case 2:
		var sends []plan.Send
		for at := time.Duration(0); at < lateSpan && len(sends) < e.spare(); at += latePace {
			sends = append(sends, plan.Send{At: at, Identity: c.id, Route: c.route})
		}
		if now+lateSpan.Seconds() > seconds(e.cfg.Budget.MaxDuration) {
			return plan.Step{}, false
		}
		return plan.Step{
			Question:         "does a limit act late?",
			Reason:           "some limiters look at an average over ten seconds or more",
			Sends:            sends,
			Width:            1,
			StopAfterLimited: 2,
		}, true
	}
	e.find("no rejection in a burst of concurrent requests and in steady traffic")
	return plan.Step{}, false
}
