package wire

import (
	"fmt"
	"slices"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
)

// mergeAttributes applies a merge patch (RFC 7396) to attributes. Both are compact JSON objects
// that have been read before, "" standing for an empty object and the patch "null" for removing
// everything.
func mergeAttributes(current, patch string) (string, error) {
	if patch == "null" {
		return "", nil
	}
	if current == "" {
		current = "{}"
	}
	merged, err := mergeObject(nil, []byte(current), []byte(patch))
	if err != nil {
		return "", fmt.Errorf("merge attributes: %w", err)
	}
	if string(merged) == "{}" {
		return "", nil
	}
	return string(merged), nil
}

// pair is one member of an object: its name as quoted in the text, and its value.
type pair struct {
	name  string // unquoted, for comparing
	value jsontext.Value
}

// mergeObject appends the merge of two objects. Its depth is that of the patch, which is bounded
// by AttributesDepthMax.
func mergeObject(dst []byte, current, patch jsontext.Value) ([]byte, error) {
	members, err := pairs(current)
	if err != nil {
		return nil, err
	}
	changes, err := pairs(patch)
	if err != nil {
		return nil, err
	}
	for _, change := range changes {
		at := slices.IndexFunc(members, func(m pair) bool { return m.name == change.name })
		switch {
		case change.value.Kind() == 'n':
			if at >= 0 {
				members = slices.Delete(members, at, at+1)
			}
			continue
		case change.value.Kind() == '{':
			base := jsontext.Value("{}")
			if at >= 0 && members[at].value.Kind() == '{' {
				base = members[at].value
			}
			if change.value, err = mergeObject(nil, base, change.value); err != nil {
				return nil, err
			}
		}
		if at >= 0 {
			members[at].value = change.value
		} else {
			members = append(members, change)
		}
	}
	dst = append(dst, '{')
	for i, m := range members {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = appendText(dst, m.name)
		dst = append(dst, ':')
		dst = append(dst, m.value...)
	}
	return append(dst, '}'), nil
}

func pairs(object jsontext.Value) ([]pair, error) {
	d := jsontext.NewDecoder(strings.NewReader(string(object)))
	if token, err := d.ReadToken(); err != nil || token.Kind() != '{' {
		return nil, errNotAnObject
	}
	var out []pair
	for d.PeekKind() != '}' {
		name, err := d.ReadToken()
		if err != nil {
			return nil, err
		}
		text := name.String()
		value, err := d.ReadValue()
		if err != nil {
			return nil, err
		}
		out = append(out, pair{name: text, value: value.Clone()})
	}
	return out, nil
}
