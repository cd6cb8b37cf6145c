package main

import (
	"encoding/json"
	"fmt"

	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	policyv1 "k8s.io/api/policy/v1"
	"k8s.io/apimachinery/pkg/util/validation"
	"sigs.k8s.io/yaml"
)

func types() map[string]any {
	return map[string]any{
		"apps/v1 Deployment":                      &appsv1.Deployment{},
		"batch/v1 Job":                            &batchv1.Job{},
		"v1 ConfigMap":                            &corev1.ConfigMap{},
		"v1 Pod":                                  &corev1.Pod{},
		"v1 Service":                              &corev1.Service{},
		"v1 ServiceAccount":                       &corev1.ServiceAccount{},
		"networking.k8s.io/v1 Ingress":            &networkingv1.Ingress{},
		"networking.k8s.io/v1 NetworkPolicy":      &networkingv1.NetworkPolicy{},
		"policy/v1 PodDisruptionBudget":           &policyv1.PodDisruptionBudget{},
		"keda.sh/v1alpha1 ScaledObject":           &scaledObject{},
		"keda.sh/v1alpha1 TriggerAuthentication":  &triggerAuthentication{},
		"monitoring.coreos.com/v1 ServiceMonitor": &serviceMonitor{},
	}
}

// decode reads a document into the type that its kind names: unknown and doubled fields are refused.
func decode(document document) (map[string]any, error) {
	object := map[string]any{}
	if err := yaml.UnmarshalStrict([]byte(document.text), &object); err != nil {
		return nil, err
	}
	if len(object) == 0 {
		return nil, fmt.Errorf("it holds no object")
	}
	kind := fmt.Sprintf("%v %v", object["apiVersion"], object["kind"])
	typed, known := types()[kind]
	if !known {
		return nil, fmt.Errorf("%s is a kind that helm-check does not know", kind)
	}
	if err := yaml.UnmarshalStrict([]byte(document.text), typed); err != nil {
		return nil, fmt.Errorf("%s: %w", kind, err)
	}
	metadata, _ := object["metadata"].(map[string]any)
	name, _ := metadata["name"].(string)
	for _, problem := range validation.IsDNS1123Subdomain(name) {
		return nil, fmt.Errorf("%s %q: %s", kind, name, problem)
	}
	// As Kubernetes would hold it: numbers, quantities and durations in its own form.
	text, err := json.Marshal(typed)
	if err != nil {
		return nil, err
	}
	held := map[string]any{}
	err = json.Unmarshal(text, &held)
	return held, err
}
