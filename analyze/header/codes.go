package header

import "strings"

// limitedCodes are the error codes that say "too fast" or "quota spent",
// without case and punctuation. They are compared whole: a message that merely
// mentions a rate limit is none of them.
var limitedCodes = words(`
	ratelimit ratelimits ratelimited ratelimiting ratelimiterror ratelimitexceeded ratelimitreached ratelimitexceedederror ratelimitexception
	ratelimitexceededexception ratelimithit maxratelimitreached requestratelimitexceeded apiratelimitexceeded userratelimitexceeded
	sharingratelimitexceeded youarebeingratelimited requestwasratelimited overratelimit exceededratelimit exceedratelimit
	dailylimitexceeded dailylimitexceededunreg servinglimitexceeded concurrentlimitexceeded variabletermlimitexceeded
	toomanyrequests toomanyrequest toomanyrequestsexception toomanycalls toomanyrequestserror toomanyattemptstrylater
	errtoomanyrequests requeststoofrequent requesttoofrequent requestsaretoofrequent toofrequent throttleviolation
	throttled throttle throttling throttlingexception throttledexception throttlingerror throttleexceeded throttlingratequotaexceeded
	requestthrottled requestthrottledexception requestthrottlingexception throttlinguser throttlingapi throttlingexceeded
	ec2throttledexception requestwasthrottled clientthrottled
	slowdown slowdownread slowdownwrite priorrequestnotcomplete reducerequestrate bandwidthlimitexceeded
	requestlimitexceeded requestsperminutelimitexceeded limitexceeded limitexceededexception apilimitexceeded apicalllimitexceeded
	apirequestlimitexceeded concurrencylimitexceeded concurrentrequestlimitexceeded sssrequestlimitexceeded
	usagelimitexceeded usagelimitreached usagelimiterror
	quotaexceeded quotaexceedederror quotalimitexceeded quotaexceededexception requestquotaexceeded
	provisionedthroughputexceeded provisionedthroughputexceededexception transactioninprogressexception
	resourceexhausted overquerylimit overdailylimit qpslimitexceeded exceededqps
	complexitybudgetexhausted complexityexception querycostexceeded costlimitexceeded
	secondaryratelimit abuse abusedetected abnormalusagedetected enhanceyourcalm
	quotaviolation spikearrestviolation messagethrottledout jobratelimitexceeded applicationthrottled activitylimitreached
	throttlelimitexceeded throttlelimitexceededminutes throttlelimitexceededmomentarily throttlelimitexceededseconds
	perapplicationthrottleexceeded perapplicationanonymousthrottleexceeded perendpointrequestthrottleexceeded
	err403developeroverqps err403developeroverrate err403serviceoverqps maxcallspersecratelimitreached requestsmadetoofrequently
	dailyqueryoverlimit accesstoofrequent ipqueryoverlimit userdailyqueryoverlimit qpshasexceededthelimit cqpshasexceededthelimit
	ckqpshasexceededthelimit cuqpshasexceededthelimit`)

// billingCodes say that a plan or a balance is spent: waiting does not help.
var billingCodes = words(`
	insufficientquota insufficientbalance insufficientcredits insufficientcredit insufficientfunds insufficientuserquota
	billinghardlimitreached billingnotactive billinglimitexceeded billingerror paymentrequired outofcredits nocredits
	creditsexhausted creditlimitexceeded creditbalancetoolow accountnotactive accountsuspended accountdeactivated
	planlimitreached planlimitexceeded subscriptionrequired spendinglimitreached spendlimitreached balancenotenough
	exceededcurrentquotaerror monthlylimitexceeded trialexpired`)

// overloadCodes say that the server is busy, whoever asks.
var overloadCodes = words(`
	overloaded overloadederror engineoverloaded engineoverloadederror serveroverloaded serveroverloadederror serviceoverloaded
	modeloverloaded overcapacity capacityexceeded capacityexceedederror servicetiercapacityexceeded temporaryreducedcapacity
	esrejectedexecutionexception rejectedexecutionexception circuitbreakingexception modelnotreadyexception
	locktimeout serverbusy servicebusy systembusy toobusy serviceunavailable serviceunavailableexception maxlag
	temporarilyunavailable insufficientcapacity`)

// billingPhrases and overloadPhrases are looked for in messages, lower case.
var (
	billingPhrases = []string{"check your plan and billing", "credit balance is too low", "purchase more credits", "insufficient balance",
		"insufficient credits", "out of credits", "billing hard limit", "add a payment method", "exceeded your current quota"}
	overloadPhrases = []string{"currently overloaded", "overloaded with other requests", "is overloaded", "at capacity", "over capacity",
		"server is busy", "too busy", "under heavy load", "high demand", "no capacity"}
	limitPhrases = []string{"rate limit", "rate-limit", "ratelimit", "rate_limit", "too many requests", "too_many_requests", "toomanyrequests",
		"throttl", "quota exceeded", "quotaexceeded", "quota_exceeded", "exceeded your quota", "exceeded the quota", "exceeded quota",
		"requests limit", "request limit", "request_limit", "slow down", "requests per second", "requests per minute", "requests per hour"}
)

func words(list string) map[string]bool {
	set := map[string]bool{}
	for _, w := range strings.Fields(list) {
		set[w] = true
	}
	return set
}

// codeIn finds a code of the set in a value: the whole of it, or what stands
// before or after the marks that systems put around a code (EAPI:Rate limit
// exceeded, TooManyRequestsException:http://…, com.amazonaws#Throttling,
// too_many_requests/., Rate limit reached (5/sec)).
func codeIn(set map[string]bool, value string) bool {
	if len(value) == 0 || len(value) > 200 {
		return false
	}
	if set[squeeze(value)] {
		return true
	}
	for _, mark := range [...]string{":", "#", "/", ".", "("} {
		if i := strings.Index(value, mark); i > 0 {
			if set[squeeze(value[:i])] {
				return true
			}
			if set[squeeze(value[strings.LastIndex(value, mark)+1:])] {
				return true
			}
		}
	}
	return false
}

// squeeze takes case and everything but letters and digits from a code. What is
// too long for a code is "".
func squeeze(s string) string {
	var buf [64]byte
	out := buf[:0]
	for i := range len(s) {
		c := s[i]
		if c >= 'A' && c <= 'Z' {
			c |= 0x20
		}
		if c >= 'a' && c <= 'z' || c >= '0' && c <= '9' {
			if len(out) == cap(out) {
				return ""
			}
			out = append(out, c)
		}
	}
	return string(out)
}

// numberCodes are the numeric codes that mean "too fast", by the keys around
// them: parent.key=number, the parent empty at the top.
var numberCodes = words(`
	error.code=-32005 error.code=-32029 error.code=-32097
	.code=-1003 .code=-1015
	.retcode=10006 .retcode=10018 .retcode=10429
	.code=50011 .code=50061 .code=429000 .code=200002 .code=99991400
	errors.code=88 errors.code=185 errors.code=606 errors.code=607 errors.code=615
	.code=20429
	.errcode=45009 .errcode=45011 .errcode=90002 .errcode=90018
	error.code=130429 error.code=131048 error.code=131056
	fault.code=900800 fault.code=900802 fault.code=900803 fault.code=900804 fault.code=900805 fault.code=900806 fault.code=900807
	.error=29
	.errorcode=4003 .errorcode=17 .errorcode=18 .errorcode=19 .errorcode=10022 .errorcode=10023 .errorcode=10024
	error.errorcode=6 error.errorcode=9 error.errorcode=29
	.status=601
	status.value=18 status.value=19 status.value=20
	.status=429 .code=429 .errorcode=429 .errcode=429 .cod=429 .statuscode=429
	error.code=429 error.status=429 error.statuscode=429 errors.code=429 errors.status=429 extensions.code=429 status.errorcode=429`)

// metaCode tells the codes of Meta's Graph API that mean rate limits. The small
// ones count only where Meta's error type stands beside them.
func metaCode(number string) (known, needsType bool) {
	switch number {
	case "4", "17", "32", "613":
		return true, true
	}
	return len(number) == 5 && number >= "80000" && number <= "80014", false
}
