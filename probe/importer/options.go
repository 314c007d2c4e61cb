package importer

import (
	"fmt"
	"net/url"
	"strings"
)

// option is what an option of curl does: with a value, or without.
type option struct {
	value func(c *command, v string) error
	apply func(c *command, name string) error
}

var shortOptions = map[string]option{
	"-X": {value: setMethod},
	"-H": {value: addHeader},
	"-d": {value: addData},
	"-u": {value: setUser},
	"-b": {value: addCookie},
	"-A": {value: func(c *command, v string) error { c.agent = v; return nil }},
	"-e": {value: func(c *command, v string) error { c.referer = v; return nil }},
	"-G": {apply: func(c *command, _ string) error { c.get = true; return nil }},
	"-I": {apply: func(c *command, _ string) error { c.head = true; return nil }},
	"-k": {apply: refuse("certificates are always checked")},
	"-L": {apply: refuse("redirects are recorded and never followed; give the final URL")},
	// What curl prints, or where to, says nothing of the request.
	"-s": {apply: ignore}, "-S": {apply: ignore}, "-v": {apply: ignore}, "-i": {apply: ignore},
	"-f": {apply: ignore}, "-N": {apply: ignore}, "-#": {apply: ignore},
	"-o": {value: ignoreValue}, "-w": {value: ignoreValue},
}

var longOptions = map[string]option{
	"--request":           shortOptions["-X"],
	"--header":            shortOptions["-H"],
	"--data":              shortOptions["-d"],
	"--data-ascii":        shortOptions["-d"],
	"--data-binary":       shortOptions["-d"],
	"--data-raw":          {value: func(c *command, v string) error { c.data = append(c.data, v); return nil }},
	"--data-urlencode":    {value: addEncoded},
	"--json":              {value: addJSON},
	"--user":              shortOptions["-u"],
	"--oauth2-bearer":     {value: func(c *command, v string) error { c.auth = "Bearer " + v; return nil }},
	"--cookie":            shortOptions["-b"],
	"--user-agent":        shortOptions["-A"],
	"--referer":           shortOptions["-e"],
	"--url":               {value: func(c *command, v string) error { c.urls = append(c.urls, v); return nil }},
	"--get":               shortOptions["-G"],
	"--head":              shortOptions["-I"],
	"--insecure":          shortOptions["-k"],
	"--location":          shortOptions["-L"],
	"--compressed":        {apply: ignore}, // compression stays off: it blurs timing and changes no quota known to us
	"--silent":            {apply: ignore},
	"--show-error":        {apply: ignore},
	"--verbose":           {apply: ignore},
	"--include":           {apply: ignore},
	"--fail":              {apply: ignore},
	"--fail-with-body":    {apply: ignore},
	"--no-buffer":         {apply: ignore},
	"--progress-bar":      {apply: ignore},
	"--no-progress-meter": {apply: ignore},
	"--output":            {value: ignoreValue},
	"--write-out":         {value: ignoreValue},
}

func ignore(*command, string) error { return nil }

func ignoreValue(*command, string) error { return nil }

func refuse(why string) func(*command, string) error {
	return func(_ *command, name string) error {
		return fmt.Errorf("option %s is not supported: %s", name, why)
	}
}

func setMethod(c *command, v string) error {
	if v == "" || strings.Trim(v, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz-") != "" {
		return fmt.Errorf("not a method")
	}
	c.method = v
	return nil
}

func addHeader(c *command, v string) error {
	if strings.HasPrefix(v, "@") {
		return fmt.Errorf("it reads a file; write the headers out")
	}
	c.headers = append(c.headers, v)
	return nil
}

func addData(c *command, v string) error {
	if strings.HasPrefix(v, "@") {
		return fmt.Errorf("it reads a file; leave it out and give --data file:PATH")
	}
	c.data = append(c.data, v)
	return nil
}

// addEncoded does as --data-urlencode: "content", "=content" or "name=content",
// the content encoded.
func addEncoded(c *command, v string) error {
	name, content, named := strings.Cut(v, "=")
	if !named {
		name, content = "", v
	}
	if strings.Contains(name, "@") || !named && strings.Contains(v, "@") {
		return fmt.Errorf("it reads a file; write the data out")
	}
	content = strings.ReplaceAll(url.QueryEscape(content), "+", "%20")
	if name != "" {
		content = name + "=" + content
	}
	c.data = append(c.data, content)
	return nil
}

func addJSON(c *command, v string) error {
	if strings.HasPrefix(v, "@") {
		return fmt.Errorf("it reads a file; leave it out and give --data file:PATH")
	}
	c.json += v
	c.isJSON = true
	return nil
}

func setUser(c *command, v string) error {
	if !strings.Contains(v, ":") {
		return fmt.Errorf("it holds no password, which curl would ask for; write USER:PASSWORD")
	}
	c.auth = basic(v)
	return nil
}

func addCookie(c *command, v string) error {
	if !strings.Contains(v, "=") {
		return fmt.Errorf("it names a cookie file; write the cookies out as NAME=VALUE")
	}
	c.cookies = append(c.cookies, v)
	return nil
}
