package main

import (
	"fmt"
	"os"
	"path/filepath"
	"sort"
	"strings"
	"text/template"

	"github.com/Masterminds/sprig/v3"
	"sigs.k8s.io/yaml"
)

type document struct {
	name string
	text string
}

// render runs every template, as helm does: named ones first, then each file; what is blank is no object.
func render(folder string, values map[string]any) ([]document, error) {
	chart, err := readValues(filepath.Join(folder, "Chart.yaml"))
	if err != nil {
		return nil, err
	}
	context := map[string]any{
		"Values":       values,
		"Chart":        map[string]any{"Name": chart["name"], "Version": chart["version"], "AppVersion": chart["appVersion"]},
		"Release":      map[string]any{"Name": "try", "Namespace": "there", "Service": "Helm", "Revision": 1, "IsInstall": true, "IsUpgrade": false},
		"Capabilities": map[string]any{"KubeVersion": map[string]any{"Version": "v1.34.0", "Major": "1", "Minor": "34"}},
	}
	names, err := templates(folder)
	if err != nil {
		return nil, err
	}
	all := template.New("chart").Option("missingkey=error")
	all.Funcs(functions(all))
	for _, name := range names {
		text, err := os.ReadFile(filepath.Join(folder, name))
		if err != nil {
			return nil, err
		}
		if _, err := all.New(name).Parse(string(text)); err != nil {
			return nil, err
		}
	}
	var documents []document
	for _, name := range names {
		if strings.HasPrefix(filepath.Base(name), "_") {
			continue
		}
		var out strings.Builder
		context["Template"] = map[string]any{"Name": name, "BasePath": "templates"}
		if err := all.ExecuteTemplate(&out, name, context); err != nil {
			return nil, err
		}
		if strings.HasSuffix(name, ".txt") {
			continue
		}
		for _, text := range strings.Split("\n"+out.String(), "\n---") {
			if strings.TrimSpace(text) != "" {
				documents = append(documents, document{name, text})
			}
		}
	}
	return documents, nil
}

func templates(folder string) ([]string, error) {
	var names []string
	err := filepath.WalkDir(filepath.Join(folder, "templates"), func(path string, entry os.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		name, err := filepath.Rel(folder, path)
		names = append(names, name)
		return err
	})
	sort.Strings(names)
	return names, err
}

// functions are sprig's, without those that helm takes away, and helm's own.
func functions(all *template.Template) template.FuncMap {
	functions := sprig.TxtFuncMap()
	delete(functions, "env")
	delete(functions, "expandenv")
	functions["include"] = func(name string, context any) (string, error) {
		var out strings.Builder
		err := all.ExecuteTemplate(&out, name, context)
		return out.String(), err
	}
	functions["tpl"] = func(text string, context any) (string, error) {
		one, err := all.Clone()
		if err != nil {
			return "", err
		}
		if one, err = one.New("tpl").Parse(text); err != nil {
			return "", err
		}
		var out strings.Builder
		err = one.Execute(&out, context)
		return out.String(), err
	}
	functions["toYaml"] = func(value any) (string, error) {
		text, err := yaml.Marshal(value)
		return strings.TrimSuffix(string(text), "\n"), err
	}
	functions["fromYaml"] = func(text string) (map[string]any, error) {
		value := map[string]any{}
		err := yaml.Unmarshal([]byte(text), &value)
		return value, err
	}
	functions["required"] = func(message string, value any) (any, error) {
		if text, isText := value.(string); value == nil || isText && text == "" {
			return nil, fmt.Errorf("%s", message)
		}
		return value, nil
	}
	functions["lookup"] = func(string, string, string, string) map[string]any { return map[string]any{} } // as without a cluster
	return functions
}
