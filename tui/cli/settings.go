package cli

import (
	"errors"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"
)

// The names under which a file and the environment give what is no flag of theirs.
const (
	urlSetting    = "url"
	configSetting = "config"
)

// envPrefix begins the variables that stand for flags: APISONDE_MAX_REQUESTS.
const envPrefix = "APISONDE_"

// configFlag lets a command take its flags from a file, and from the environment.
func configFlag() []cli.Flag {
	return []cli.Flag{&cli.StringFlag{Name: configSetting, Category: "Settings", Usage: "`FILE` flags as YAML, by their long names, and url; a flag wins over the environment (APISONDE_MAX_REQUESTS for --max-requests), and that over the file"}}
}

// withSettings lays the flags of a normalised argument list over those of the
// environment, and these over those of the file that --config names, for commands
// that take --config. Each flag comes from one place whole: a list is not added
// to. origin says where a flag that was not typed stands.
func withSettings(app *cli.App, list []string, lookup func(string) (string, bool)) (out []string, origin map[string]string, err error) {
	if len(list) == 0 {
		return list, nil, nil
	}
	cmd := app.Command(list[0])
	end := slices.Index(list, "--")
	if cmd == nil || end < 0 || lookFlag(cmd, "--"+configSetting) == nil {
		return list, nil, nil
	}
	typed := map[string]string{}
	for _, arg := range list[1:end] {
		name, value, _ := strings.Cut(strings.TrimPrefix(arg, "--"), "=")
		typed[name] = value
	}
	known := knownFlags(app)
	settings, err := environment(known, lookup)
	if err != nil {
		return nil, nil, err
	}
	path, given := typed[configSetting]
	if set := settings[configSetting]; !given && len(set.values) > 0 {
		path, given = set.values[0], true
	}
	if given {
		file, err := readConfigFile(path, known)
		if err != nil {
			return nil, nil, err
		}
		for name, s := range file {
			if _, have := settings[name]; !have {
				settings[name] = s
			}
		}
	}

	target, given := pickURL(cmd, list[end+1:], typed, settings)
	out, origin = list[:end:end], map[string]string{}
	for _, f := range cmd.Flags {
		name := f.Names()[0]
		s, set := settings[name]
		if _, have := typed[name]; have || !set || name == configSetting || !concerns(cmd, name, target) {
			continue
		}
		origin[name] = s.from
		for _, v := range s.values {
			out = append(out, "--"+name+"="+v)
		}
	}
	out = append(out, "--")
	if given {
		out = append(out, target)
	}
	return out, origin, nil
}

// pickURL is the positional: the one typed, else the one set. A curl command that is
// typed stands for a URL, and a URL that is typed goes before a curl command that is
// only set.
func pickURL(cmd *cli.Command, positionals []string, typed map[string]string, settings map[string]setting) (string, bool) {
	if len(positionals) > 0 {
		delete(settings, "from-curl")
		return positionals[0], true
	}
	s, set := settings[urlSetting]
	if _, curl := typed["from-curl"]; curl || !set || !strings.Contains(cmd.ArgsUsage, "URL") {
		return "", false
	}
	return s.values[0], true
}

// concerns tells whether a flag that nobody typed is wanted: a saved response needs
// none of those that shape requests.
func concerns(cmd *cli.Command, name, target string) bool {
	if cmd.Name != "inspect" {
		return true
	}
	live := target == "" || strings.Contains(target, "://")
	if name == "received-at" {
		return !live
	}
	return live || !sends(name)
}

// sends tells the flags that mean something only where requests are sent.
func sends(name string) bool {
	return slices.ContainsFunc(join(identityFlags(), requestFlags(), ceilingFlags(), consentFlags(), recordFlags()),
		func(f cli.Flag) bool { return f.Names()[0] == name })
}

// knownFlags are the flags of all commands that take --config: one file may serve
// several of them.
func knownFlags(app *cli.App) map[string]cli.Flag {
	out := map[string]cli.Flag{}
	for _, cmd := range app.Commands {
		if lookFlag(cmd, "--"+configSetting) == nil {
			continue
		}
		for _, f := range cmd.Flags {
			out[f.Names()[0]] = f
		}
	}
	return out
}

// environment reads the flags that variables give. A repeatable flag has a value a
// line.
func environment(known map[string]cli.Flag, lookup func(string) (string, bool)) (map[string]setting, error) {
	out := map[string]setting{}
	names := []string{urlSetting}
	for name := range known {
		names = append(names, name)
	}
	for _, name := range names {
		variable := envPrefix + strings.ToUpper(strings.ReplaceAll(name, "-", "_"))
		value, set := lookup(variable)
		if !set || value == "" {
			continue
		}
		s := setting{values: []string{value}, from: variable}
		switch known[name].(type) {
		case *cli.BoolFlag:
			if value != "true" && value != "false" {
				return nil, usagef("%s is true or false", variable)
			}
		case *cli.StringSliceFlag:
			s.values = slices.DeleteFunc(strings.Split(value, "\n"), func(v string) bool { return v == "" })
		}
		out[name] = s
	}
	return out, nil
}

// settled adds to a usage error where the flag that it begins with was set, if
// nobody typed it.
func settled(err error, origin map[string]string) error {
	f, ok := errors.AsType[*failure](err)
	if !ok || f.err == nil || f.code != exitUsage {
		return err
	}
	for name, from := range origin {
		if rest, found := strings.CutPrefix(f.err.Error(), "--"+name); found && (rest == "" || strings.ContainsAny(rest[:1], ":, ")) {
			return usagef("%w (set by %s)", f.err, from)
		}
	}
	return err
}
