package main

import (
	"encoding/json"
	"fmt"
	"os"

	"k8s.io/kube-openapi/pkg/validation/spec"
	"k8s.io/kube-openapi/pkg/validation/strfmt"
	"k8s.io/kube-openapi/pkg/validation/validate"
)

// validateValues compares values with the chart's schema.
func validateValues(path string, values map[string]any) error {
	text, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	var schema spec.Schema
	if err := json.Unmarshal(text, &schema); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	result := validate.NewSchemaValidator(&schema, nil, "values", strfmt.Default).Validate(values)
	if result.IsValid() {
		return nil
	}
	return fmt.Errorf("the values do not fit %s: %w", path, result.AsError())
}
