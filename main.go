// Command apisonde finds out how an HTTP API limits its callers.
package main

import (
	"os"

	"apisonde/tui/cli"
)

func main() {
	os.Exit(cli.Main(os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
}
