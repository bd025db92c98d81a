package main

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/penstock-dev/penstock/persistence/pgstore"
)

// doctorCommand looks at a database.
type doctorCommand struct {
	databaseFlags
	PostgresConnections int  `default:"12" help:"Connections that a server may open, as serve has it."`
	JSON                bool `name:"json" help:"Print what was found as JSON."`
}

// Help explains what is looked at.
func (c *doctorCommand) Help() string {
	return "It looks at the server's version and settings, what stands in between, the role's privileges, the schema, clocks, space, and what else goes on. " +
		"Nothing is changed; it may run beside a server. Run it from the machine, and as the role, that Penstock serves with: both matter. " +
		"The exit code is 1 when there is a problem; warnings are advice."
}

// examined is an examination as it is printed for scripts.
type examined struct {
	OK bool `json:"ok"`
	*pgstore.Examination
}

// Run looks, and prints what was found.
func (c *doctorCommand) Run(ctx context.Context, p *process) error {
	if err := c.required(); err != nil {
		return err
	}
	if err := checkConnections(c.PostgresConnections); err != nil {
		return &exitError{code: exitConfig, err: err}
	}
	place, err := c.place()
	if err != nil {
		return err
	}
	found, err := pgstore.Examine(ctx, pgstore.Options{
		URL: c.DatabaseURL, Connections: c.PostgresConnections, Logger: p.log.With("logger", "store"),
	})
	if err != nil {
		return databaseError(err, place)
	}
	if found.Unreached != nil {
		found.Checks[0].Advice = connectAdvice(found, place)
	}
	problems := found.Count(pgstore.VerdictProblem)
	if c.JSON {
		if err := p.printJSON(examined{OK: problems == 0, Examination: found}); err != nil {
			return err
		}
	} else {
		printExamination(p, found)
	}
	if problems > 0 {
		return errNotWell
	}
	return nil
}

// connectAdvice is what the other commands say when the database cannot be reached for that reason.
func connectAdvice(found *pgstore.Examination, place pgstore.Place) string {
	advice := found.Checks[0].Advice
	switch pgstore.ObstacleOf(found.Unreached) {
	case pgstore.NotAllowed:
		return fmt.Sprintf("Let the database's owner grant it: GRANT CONNECT ON DATABASE … TO %s.", place.User)
	case pgstore.Unsuitable: // they say: run the doctor
		return advice
	}
	var failure *exitError
	if errors.As(databaseError(found.Unreached, place), &failure) && failure.hint != "" {
		advice = strings.ReplaceAll(failure.hint, "\n", " ")
	}
	return advice
}

func printExamination(p *process, found *pgstore.Examination) {
	p.printf("%s, as %s\n", found.Database, found.User)
	for _, check := range found.Checks {
		p.printf("%-8s %-19s %s\n", check.Verdict, check.Name, withoutPasswords(check.Found))
		if check.Advice != "" {
			p.printf("%-8s %-19s → %s\n", "", "", check.Advice)
		}
	}
	p.printf("%d checks: %s, %s\n", len(found.Checks), plural(found.Count(pgstore.VerdictProblem), "problem", "problems"),
		plural(found.Count(pgstore.VerdictWarning), "warning", "warnings"))
}
