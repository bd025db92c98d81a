// Package architecture holds no code, only the tests that compare the project's rules of shape with
// what stands in the files: who may import whom, how long a file may be, that every package says
// what belongs in it. The rules of style that a linter knows are in .golangci.yaml.
package architecture
