// Reads dashboards as Grafana's own types do: unknown fields, wrong types and values out of range are errors.
//
//	grafana-schema FILE...
package main

import (
	"fmt"
	"os"

	"github.com/grafana/grafana-foundation-sdk/go/cog/plugins"
	"github.com/grafana/grafana-foundation-sdk/go/dashboard"
)

func check(path string) error {
	text, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	var read dashboard.Dashboard
	if err := there(read.UnmarshalJSONStrict(text)); err != nil {
		return err
	}
	return there(read.Validate())
}

// The library returns a list of faults as an error, an empty one too.
func there(err error) error {
	if err == nil || err.Error() == "" {
		return nil
	}
	return err
}

func main() {
	// Panels and queries are checked by the types of their plugins.
	plugins.RegisterDefaultPlugins()
	failed := false
	for _, path := range os.Args[1:] {
		if err := check(path); err != nil {
			fmt.Fprintf(os.Stderr, "%s: %v\n", path, err)
			failed = true
		}
	}
	if failed || len(os.Args) < 2 {
		os.Exit(1)
	}
}
