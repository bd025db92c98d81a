package browser

import (
	"encoding/json"
	"fmt"
	"os"
	"strings"

	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/require"
)

// Audit runs axe-core, whose source is in a file, and fails the test when it finds anything that is
// serious or critical for people who do not see, hear or point as others do.
func (p *Page) Audit(axe string) {
	p.t.Helper()
	source, err := os.ReadFile(axe)
	require.NoError(p.t, err, "axe-core comes with the packages of web/: run make web")
	p.Do(chromedp.Evaluate[chromedp.Void](string(source) + "\n;undefined"))
	found := Evaluate[json.RawMessage](p, `axe.run(document, {resultTypes: ["violations"]}).then(r => r.violations)`)
	var violations []violation
	require.NoError(p.t, json.Unmarshal(found, &violations))
	var grave []string
	for i := range violations {
		if v := &violations[i]; v.Impact == "serious" || v.Impact == "critical" {
			grave = append(grave, v.String())
		}
	}
	require.Empty(p.t, grave, "axe-core finds:\n%s", strings.Join(grave, "\n"))
}

// violation is what axe-core says of one rule.
type violation struct {
	ID     string `json:"id"`
	Impact string `json:"impact"`
	Help   string `json:"help"`
	Nodes  []struct {
		HTML    string `json:"html"`
		Summary string `json:"failureSummary"`
	} `json:"nodes"`
}

func (v *violation) String() string {
	text := fmt.Sprintf("%s (%s): %s", v.ID, v.Impact, v.Help)
	for _, node := range v.Nodes {
		text += "\n  " + node.HTML + "\n    " + strings.ReplaceAll(node.Summary, "\n", "\n    ")
	}
	return text
}
