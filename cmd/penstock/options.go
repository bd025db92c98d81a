package main

import (
	"fmt"
	"log/slog"

	"github.com/alecthomas/kong"
)

const description = `Penstock is a commerce ordering engine: it takes orders under load, never sells a unit twice, and never loses an order it has acknowledged.

Every option can be given as a flag or in the environment: --some-option as PENSTOCK_SOME_OPTION. A flag wins. PENSTOCK_SOME_OPTION_FILE names a file that holds the value: the place for secrets, which no flag may hold. "penstock config" prints them all.

Exit codes: ` + exitCodes

// options is the command line, described once: flags, environment, help and docs/configuration.md
// all come from these tags and from the doc tags of the packages' own Config types.
type options struct {
	Help     helpFlag   `short:"h" help:"Show help and exit."`
	LogLevel slog.Level `default:"info" placeholder:"LEVEL" help:"Least level of log lines: debug, info, warn or error."`

	Serve   serveCommand    `cmd:"" help:"Serve the API on one node."`
	Import  importCommands  `cmd:"" help:"Bring data into a running server."`
	Replay  replayCommand   `cmd:"" help:"Place the orders of a CSV file in a running server."`
	Verify  verifyCommand   `cmd:"" help:"Prove that the books add up: of a running server, of a database, or of an embedded store that is not in use."`
	Audit   auditCommands   `cmd:"" help:"Read the audit log, and prove that nobody has changed it."`
	Migrate migrateCommands `cmd:"" help:"Set up the schema of a PostgreSQL database."`
	Doctor  doctorCommand   `cmd:"" help:"Look whether a PostgreSQL database keeps what Penstock promises, and say what to do."`
	Keys    keysCommands    `cmd:"" help:"Make, list, rotate and revoke API keys."`
	Copy    copyCommand     `cmd:"" help:"Copy a shop from the embedded store into a PostgreSQL database."`
	Seed    seedCommand     `cmd:"" help:"Fill an empty store with the past of a made-up shop, for trying out and measuring."`
	Bench   benchCommands   `cmd:"" help:"Measure Penstock beside peers, on this machine."`
	Version versionCommand  `cmd:"" help:"Print the version."`
	Config  configCommand   `cmd:"" help:"Print the reference of all options, as Markdown."`

	BenchEcho benchEchoCommand `cmd:"" hidden:"" help:"The echo that bench measures beside a server."`
	BenchPeer benchPeerCommand `cmd:"" hidden:"" help:"Another peer that bench measures beside a server."`
}

func newOptions() *options {
	return &options{Serve: newServeCommand(), Seed: newSeedCommand()}
}

// clientOptions are those of the commands that talk to a running server.
type clientOptions struct {
	Target string `default:"http://127.0.0.1:8000" placeholder:"URL" help:"Base URL of the server."`
	User   string `default:"penstock" help:"Who the requests are made for (X-User-ID). Idempotency keys are kept apart by it: repeat a command under the same name. With a key it is the key's subject that asks, unless another user is named here."`

	credentialFlags
}

// migrateCommands are what can be done about a schema.
type migrateCommands struct {
	Up     migrateUpCommand     `cmd:"" help:"Bring the schema to the version that this program works with."`
	Status migrateStatusCommand `cmd:"" help:"List the steps of the schema, taken or not."`
}

// importCommands are the kinds of things that can be imported.
type importCommands struct {
	Products importProductsCommand `cmd:"" help:"Import products from a CSV file."`
}

// helpOf adds to the help of a flag its name in the environment, and the default that a placeholder
// hides.
func helpOf(v *kong.Value) string {
	switch {
	case v.Flag == nil || v.Name == "help":
		return v.Help
	case v.HasDefault && v.Flag.PlaceHolder != "":
		return fmt.Sprintf("%s Default: %s. [%s]", v.Help, v.Default, variableOf(v.Name))
	default:
		return fmt.Sprintf("%s [%s]", v.Help, variableOf(v.Name))
	}
}
