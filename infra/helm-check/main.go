// helm-check renders a chart as helm does and decodes every object strictly into Kubernetes' own types: a misspelt value, a misspelt field and a
// value of the wrong type end it with a message. Prints the objects as JSON.
//
//	helm-check CHART [values.yaml ...]
//
// It replaces `helm template` and `kubectl apply --dry-run=server` where neither is available. It supports only what this chart uses.
package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"

	"sigs.k8s.io/yaml"
)

func main() {
	if len(os.Args) < 2 {
		fmt.Fprintln(os.Stderr, "usage: helm-check CHART [values.yaml ...]")
		os.Exit(2)
	}
	objects, err := check(os.Args[1], os.Args[2:])
	if err != nil {
		fmt.Fprintf(os.Stderr, "helm-check: %v\n", err)
		os.Exit(1)
	}
	encoder := json.NewEncoder(os.Stdout)
	encoder.SetIndent("", " ")
	if err := encoder.Encode(objects); err != nil {
		fmt.Fprintf(os.Stderr, "helm-check: %v\n", err)
		os.Exit(1)
	}
}

func check(folder string, files []string) ([]map[string]any, error) {
	values, err := readValues(filepath.Join(folder, "values.yaml"))
	if err != nil {
		return nil, err
	}
	for _, file := range files {
		given, err := readValues(file)
		if err != nil {
			return nil, err
		}
		merge(values, given)
	}
	if err := validateValues(filepath.Join(folder, "values.schema.json"), values); err != nil {
		return nil, err
	}
	documents, err := render(folder, values)
	if err != nil {
		return nil, err
	}
	var objects []map[string]any
	for _, document := range documents {
		object, err := decode(document)
		if err != nil {
			return nil, fmt.Errorf("%s: %w\n%s", document.name, err, document.text)
		}
		objects = append(objects, object)
	}
	return objects, nil
}

func readValues(path string) (map[string]any, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	values := map[string]any{}
	if err := yaml.UnmarshalStrict(text, &values); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return values, nil
}

// merge lays given over base: maps key by key, all else as a whole; null takes a key away.
func merge(base, given map[string]any) {
	for key, value := range given {
		below, isMap := base[key].(map[string]any)
		over, areMaps := value.(map[string]any)
		switch {
		case value == nil:
			delete(base, key)
		case isMap && areMaps:
			merge(below, over)
		default:
			base[key] = value
		}
	}
}
