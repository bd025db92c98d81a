package main

import "regexp"

// withoutPasswords takes what looks like a password of a connection string out of a text that is about to
// be shown. Who makes such texts leaves passwords out; but the command line's parser, for one, repeats
// what it does not understand.
func withoutPasswords(text string) string {
	inURL := regexp.MustCompile(`(://[^\s:/@'"]*):[^\s/'"]*@`)
	named := regexp.MustCompile(`(?i)(\b(?:ssl)?password\s*=\s*)('(?:[^'\\]|\\.)*'|[^\s&'"]+)`)
	return named.ReplaceAllString(inURL.ReplaceAllString(text, "$1:xxxxx@"), "${1}xxxxx")
}
