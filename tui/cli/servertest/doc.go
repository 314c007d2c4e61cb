// Package servertest runs the built program, as a person would, against limiters
// that other people wrote: a real nginx, a real HAProxy and Go's limiter
// libraries, all on loopback and all with settings that the tests know. It holds
// tests alone. It also sends through a real microsocks, tinyproxy and OpenSSH, on
// loopback and, where network namespaces are allowed, from machine to machine.
//
// All of them are looked for in PATH and the usual places for servers. A test
// that needs one which is not there says so and is skipped, unless
// APISONDE_REQUIRE_SERVERS=1 is set: then it fails.
package servertest
