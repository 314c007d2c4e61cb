package report

import (
	"regexp"
	"strings"
	"unicode/utf8"

	"apisonde/probe/trace"
)

// longest is how much of one foreign text a report shows, in runes.
const longest = 400

// visible makes foreign text safe to show on one line.
func visible(s string) string {
	s = strings.Join(strings.Fields(strings.NewReplacer("\r", " ", "\n", " ").Replace(s)), " ")
	s = string(trace.Clean(s))
	if utf8.RuneCountInString(s) > longest {
		s = string([]rune(s)[:longest]) + "…"
	}
	return s
}

// special are the characters that mean something to some markdown inside a line.
var special = regexp.MustCompile("[\\\\`*_{}\\[\\]<>#!|&~^$]")

// linkish is a word that some renderer makes a link or a mention of by itself,
// which no backslash prevents: addresses, mail, @names and #numbers.
var linkish = regexp.MustCompile(`(?i)[@#]|://|www\.|mailto:|xmpp:`)

// opener is what would start a list or a heading's rule at the beginning of a
// line, or a formula in a spreadsheet at the beginning of a cell.
var opener = regexp.MustCompile(`^(?:([0-9]+)([.)])(?:$| )|([=+\-]))`)

// prose makes foreign text safe in a paragraph, a list item or a table cell.
func prose(s string) string {
	words := strings.Split(visible(s), " ")
	for i, w := range words {
		if linkish.MatchString(w) {
			core := strings.TrimSuffix(w, ")")
			if strings.Count(w, "(") >= strings.Count(w, ")") {
				core = w
			}
			// A bracket that the word does not open is the sentence's.
			words[i] = cellCode(core) + w[len(core):]
			continue
		}
		words[i] = special.ReplaceAllString(w, `\$0`)
	}
	s = strings.Join(words, " ")
	if m := opener.FindStringSubmatchIndex(s); m != nil {
		at := max(m[4], m[6])
		s = s[:at] + `\` + s[at:]
	}
	return s
}

// code makes foreign text a code span outside tables, where nothing in it has a
// meaning.
func code(s string) string {
	s = visible(s)
	if s == "" {
		return ""
	}
	tick := strings.Repeat("`", longestRun(s, '`')+1)
	if strings.HasPrefix(s, "`") || strings.HasSuffix(s, "`") {
		s = " " + s + " "
	}
	return tick + s + tick
}

// cellCode is code for a table, which takes even a bar in code for the end of a
// cell, and has more than one rule about a backslash before it.
func cellCode(s string) string {
	return code(strings.ReplaceAll(visible(s), "|", `\u{7c}`))
}

// fence puts content into a fenced block that nothing inside can close.
func fence(content string) string {
	ticks := strings.Repeat("`", max(3, longestRun(content, '`')+1))
	return ticks + "text\n" + content + "\n" + ticks + "\n"
}

func longestRun(s string, c rune) int {
	best, n := 0, 0
	for _, r := range s {
		if r == c {
			n++
			best = max(best, n)
		} else {
			n = 0
		}
	}
	return best
}
