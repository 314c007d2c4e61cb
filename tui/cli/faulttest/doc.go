// Package faulttest runs the whole program against a server that breaks the
// rules, on a machine that breaks down, and over files that lie. The numbers of
// its cases are those of docs/reliability.md.
package faulttest
