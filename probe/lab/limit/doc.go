// Package limit holds the practice server's rate limiters. They are pure: the
// instant is an argument, nothing here reads a clock, sleeps or speaks HTTP. A
// Stack is what Parse makes of one or more limiter specs; Decide charges it for
// one request and says what the server does.
//
// # The spec
//
// One spec describes one layer; several specs are layers that must all admit.
//
//	SPEC    = LIMITER { "," SETTING }
//	SETTING = NAME "=" VALUE | FLAG
//
// The limiters, and the settings that each must be given:
//
//	none                              admits everything; takes latency, jitter and route only
//	token-bucket,rate=5,burst=20      burst tokens, refilled at rate a second; full at first
//	fixed-window,limit=100,window=60s so many in each window; align= says where windows begin
//	sliding-log,limit=…,window=…      so many in any window that ends now
//	sliding-counter,limit=…,window=…  previous window's count, weighted by how much of it the
//	                                  sliding window still covers, plus this window's, is below limit
//	leaky-queue,rate=10,depth=20      one each 1/rate; up to depth wait for their turn, the rest are refused
//	slow-down,limit=10,window=60s,delay=100ms,max-delay=2s
//	                                  a fixed window: past limit each answer is held delay longer than
//	                                  the one before, at most max-delay
//	concurrency,limit=5               so many in flight at once
//
// Of the token bucket, tick=2s lets the tokens of so long come in at once, whole ones, at
// ticks that begin where align= says [first-request]. Of the leaky queue, undelayed=9 lets
// so many wait for nothing that meet it empty [1]; depth counts those that wait. Of
// slow-down, refuse-after=30 refuses what comes past so many in one window [refuses
// nothing].
//
// Settings that any limiter but none takes, with the default in brackets:
//
//	by=ip|key|user|route|forwarded    whose counter it is; joined with + it is one counter a
//	                                  combination; by=global is one for everybody [ip]
//	route=/a                          guards that path alone; other paths pass [every path]
//	status=503                        the status of a refusal, 400 to 599 [429]
//	headers=legacy|ietf|github|none|lying   [legacy]
//	  legacy    X-RateLimit-Limit, -Remaining, -Reset (seconds from now)
//	  ietf      RateLimit-Policy and RateLimit, as in the IETF draft since revision 8
//	  github    X-RateLimit-Limit, -Remaining, -Used, -Reset (seconds since 1970)
//	  lying     legacy with the limit doubled and a remaining that never falls
//	retry-after=exact|floor|long|none Retry-After of a refusal, from the wait until the next
//	                                  request would be admitted: rounded up, rounded down, or
//	                                  doubled and rounded up [exact; none where headers=none, and
//	                                  where the wait cannot be known: concurrency without penalty]
//	count-rejected                    a refused request is charged as if it had been admitted
//	                                  (not leaky-queue, slow-down or concurrency) [refusals cost nothing]
//	penalty=10s                       after a refusal its counter is blocked that long [no penalty]
//	penalty-extends                   and a request during the block begins it anew
//	penalty-clears                    after the block the counter counts from nothing (buckets and
//	                                  windows) [it goes on below the block]
//	penalty-expires                   block and count are one entry, forgotten once nobody asked for as
//	                                  long as the penalty, as in HAProxy's tables: it extends and clears
//	penalty-status=403                the status of a refusal during the block [that of any refusal]
//	ipv6-prefix=64                    by=ip counts so many leading bits of an IPv6 address [128]
//	anonymous=shared|unlimited|ip|refuse   a caller without a key, user or forwarded address
//	                                  that by= names: callers without one share a counter, are not
//	                                  limited, have their address in its place, or get 401 [shared]
//	nodes=3                           so many servers with counters of their own; connections are
//	                                  dealt to them in turn [1]
//	latency=20ms, jitter=5ms          how long an admitted request is held before the answer: latency
//	                                  and a uniform extra of up to jitter; refusals are immediate [0]
//
// And of the windows, slow-down among them: align=clock|first-request|process-start|last-request says
// where a fixed window begins: at multiples of its length since 1970, at a
// counter's first request, at the server's start, or at the counter's last
// charged request (asking renews it; a refused request renews it too with
// count-rejected). A sliding-counter takes the first three, a first-request one
// is anchored again after two idle windows. [clock]
//
// A fixed window takes or=100/60s: what it refuses is admitted as long as a second
// window, of so many in so long, has room, which counts nothing else [no second one].
//
// # Layers
//
// Layers are charged in the order they are given, and the first to refuse
// decides the answer. The layers before it have been charged by then, those
// after it are not. An answer carries the headers of one layer: the one that
// refused, otherwise of those that guard the path and send headers the one with
// least remaining; with headers=ietf the policies of all that send such are declared.
// The latencies of the layers that guard the path add up.
package limit
