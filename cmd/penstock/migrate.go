package main

import (
	"context"
	"fmt"
	"path"

	"github.com/penstock-dev/penstock/persistence/pgstore"
)

// migrateUpCommand brings a database's schema up to date.
type migrateUpCommand struct {
	databaseFlags
}

// Help explains who may run it, and when.
func (c *migrateUpCommand) Help() string {
	return "The role must own the tables, or be allowed to make them. Steps that were taken already are left alone, so that it may be run again; each is one transaction. " +
		"It also makes the partitions of this month and of the coming ones."
}

// Run migrates, and prints each step that was taken.
func (c *migrateUpCommand) Run(ctx context.Context, p *process) error {
	if err := c.required(); err != nil {
		return err
	}
	place, err := c.place()
	if err != nil {
		return err
	}
	taken, err := pgstore.Migrate(ctx, c.DatabaseURL)
	for _, step := range taken {
		p.printf("%s: took step %s\n", place, stepName(step))
	}
	if err != nil {
		return databaseError(err, place)
	}
	all, err := pgstore.MigrationStatus(ctx, c.DatabaseURL)
	if err != nil {
		return databaseError(err, place)
	}
	p.printf("%s: the schema is at version %d; %s\n", place, versionOf(all), plural(len(taken), "step was", "steps were")+" taken")
	return nil
}

// migrateStatusCommand lists the steps of the schema.
type migrateStatusCommand struct {
	databaseFlags
	JSON bool `name:"json" help:"Print the steps as JSON."`
}

// Help explains the exit code.
func (c *migrateStatusCommand) Help() string {
	return `The exit code is 1 when there are steps to take: "penstock migrate up" takes them. Nothing is changed.`
}

// migrationStatus is what is printed as JSON.
type migrationStatus struct {
	Database string          `json:"database"`
	Version  int64           `json:"version"` // the newest step taken; 0: none
	Want     int64           `json:"want"`    // what this program works with
	Steps    []migrationStep `json:"steps"`
}

type migrationStep struct {
	Version int64  `json:"version"`
	Name    string `json:"name"`
	Applied bool   `json:"applied"`
}

// Run prints the steps.
func (c *migrateStatusCommand) Run(ctx context.Context, p *process) error {
	if err := c.required(); err != nil {
		return err
	}
	place, err := c.place()
	if err != nil {
		return err
	}
	all, err := pgstore.MigrationStatus(ctx, c.DatabaseURL)
	if err != nil {
		return databaseError(err, place)
	}
	status := migrationStatus{Database: place.String(), Version: versionOf(all), Steps: []migrationStep{}}
	missing := 0
	for _, step := range all {
		status.Want = max(status.Want, step.Version)
		status.Steps = append(status.Steps, migrationStep{Version: step.Version, Name: stepName(step), Applied: step.Applied})
		if !step.Applied {
			missing++
		}
	}
	if err := c.print(p, &status); err != nil {
		return err
	}
	if missing > 0 {
		return errNotWell
	}
	return nil
}

func (c *migrateStatusCommand) print(p *process, status *migrationStatus) error {
	if c.JSON {
		return p.printJSON(status)
	}
	for _, step := range status.Steps {
		state := "taken"
		if !step.Applied {
			state = "to take"
		}
		p.printf("%-8s %s\n", state, step.Name)
	}
	p.printf("%s: the schema is at version %d, this program works with version %d\n", status.Database, status.Version, status.Want)
	return nil
}

func versionOf(all []pgstore.Migration) int64 {
	version := int64(0)
	for _, step := range all {
		if step.Applied {
			version = max(version, step.Version)
		}
	}
	return version
}

func stepName(step pgstore.Migration) string { return path.Base(step.Name) }

// plural writes a count with its noun.
func plural(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}
