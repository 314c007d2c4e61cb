package cli

import (
	"github.com/urfave/cli/v2"
)

func planCommand(std *streams) *cli.Command {
	return &cli.Command{
		Name:      "plan",
		Usage:     "print what a probe might send at worst; sends nothing",
		ArgsUsage: "URL",
		// Those of a probe, so that its command line says what it would send.
		Flags: join(identityFlags(), requestFlags(), signFlags(), ceilingFlags(), careFlags(), consentFlags(), recordFlags(), configFlag(), outputFlag(planFormats), verdictFlags()),
		Action: func(c *cli.Context) error {
			format, err := readFormat(c, planFormats)
			if err != nil {
				return err
			}
			cfg, err := configure(c, std, formOf(c))
			if err != nil {
				return err
			}
			if format == formatJSON {
				return writePlanJSON(std.out, cfg.plan)
			}
			return writePlan(std.out, cfg.plan)
		},
	}
}
