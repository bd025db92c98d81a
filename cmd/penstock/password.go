package main

import (
	"errors"
	"regexp"
)

// refusePasswords refuses a command line with a password in it: whoever lists this machine's processes has
// seen it by now.
func refusePasswords(args []string) error {
	for _, arg := range args {
		if withoutPasswords(arg) != arg {
			return &exitError{
				code: exitUsage, err: errors.New("the command line holds a password, which whoever lists this machine's processes can read"),
				hint: "Put the URL into PENSTOCK_DATABASE_URL or a file that PENSTOCK_DATABASE_URL_FILE names, or the password into PGPASSWORD or a passfile; and change the password.",
			}
		}
	}
	return nil
}

// withoutPasswords takes what looks like a password of a connection string out of a text that is about to
// be shown. Who makes such texts leaves passwords out; but the command line's parser, for one, repeats
// what it does not understand.
func withoutPasswords(text string) string {
	inURL := regexp.MustCompile(`(://[^\s:/@'"]*):[^\s/'"]*@`)
	named := regexp.MustCompile(`(?i)(\b(?:ssl)?password\s*=\s*)('(?:[^'\\]|\\.)*'|[^\s&'"]+)`)
	return named.ReplaceAllString(inURL.ReplaceAllString(text, "$1:xxxxx@"), "${1}xxxxx")
}
