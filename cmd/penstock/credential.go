package main

import (
	"errors"
	"fmt"
	"strings"

	"github.com/penstock-dev/penstock/access"
	"github.com/penstock-dev/penstock/internal/client"
)

// variableKey is the variable that holds a client's API key or token. There is no flag of that name: whoever
// lists a machine's processes sees flags.
const variableKey = variablePrefix + "KEY"

// credentialFlags say where a command finds the credential that it shows a server.
type credentialFlags struct {
	KeyFile string `placeholder:"FILE" help:"File that holds an API key or a token for the server. PENSTOCK_KEY holds one itself; without either none is sent."`
}

// credentialMax bounds a file with a credential, in bytes.
const credentialMax = access.TokenMax + 2

// credential returns what is to be shown to a server, or nothing.
func (f *credentialFlags) credential(p *process) (access.Secret, error) {
	if f.KeyFile == "" {
		return p.key, nil
	}
	if !p.key.IsZero() {
		return access.Secret{}, &exitError{
			code: exitConfig, err: fmt.Errorf("both --key-file and %s are given", variableKey),
			hint: "Give one of them: they may hold different keys.",
		}
	}
	text, err := readCredential(f.KeyFile)
	if err != nil {
		return access.Secret{}, &exitError{code: exitNoInput, err: fmt.Errorf("read the key: %w", err)}
	}
	return access.NewSecret(text), nil
}

// userDefault is who requests are made for when nobody says.
const userDefault = "penstock"

// connect makes a client that shows a server the credential, if there is one. The credential says who asks, so
// that X-User-ID then only goes along where a user was named: a customer to act for.
func (f *credentialFlags) connect(p *process, target, asUser string, conns int) (*client.Client, error) {
	credential, err := f.credential(p)
	if err != nil {
		return nil, err
	}
	if !credential.IsZero() && asUser == userDefault {
		asUser = ""
	}
	return client.New(client.Config{
		Target: target, User: asUser, Key: credential.Reveal(), Agent: "penstock/" + readVersion().Version, Conns: conns,
	})
}

func readCredential(name string) (string, error) {
	text, err := readSmall(name, credentialMax)
	if err != nil {
		return "", err
	}
	credential := strings.TrimSpace(text)
	switch {
	case credential == "":
		return "", fmt.Errorf("%s is empty", name)
	case strings.ContainsFunc(credential, func(r rune) bool { return r <= ' ' || r > '~' }):
		return "", errors.New(name + " holds more than a key")
	}
	return credential, nil
}
