package main

import (
	"fmt"

	v1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/validation/field"
	"k8s.io/kubernetes/pkg/apis/apps"
	appsvalidation "k8s.io/kubernetes/pkg/apis/apps/validation"
	"k8s.io/kubernetes/pkg/apis/core"
	corev1 "k8s.io/kubernetes/pkg/apis/core/v1"
	corevalidation "k8s.io/kubernetes/pkg/apis/core/validation"
	"k8s.io/kubernetes/pkg/apis/networking"
	networkingvalidation "k8s.io/kubernetes/pkg/apis/networking/validation"
	"k8s.io/kubernetes/pkg/apis/policy"
	policyvalidation "k8s.io/kubernetes/pkg/apis/policy/validation"
	podsecurity "k8s.io/pod-security-admission/api"
	podpolicy "k8s.io/pod-security-admission/policy"
)

// problemsOf is what the API server's own validation says of an object that is to be created.
func problemsOf(object runtime.Object) field.ErrorList {
	switch it := object.(type) {
	case *apps.StatefulSet:
		return appsvalidation.ValidateStatefulSet(it, corevalidation.PodValidationOptions{})
	case *core.Service:
		return corevalidation.ValidateServiceCreate(withAddress(it))
	case *core.ConfigMap:
		return corevalidation.ValidateConfigMap(it)
	case *core.Secret:
		return corevalidation.ValidateSecret(it)
	case *core.Namespace:
		return corevalidation.ValidateNamespace(it)
	case *core.ServiceAccount:
		return corevalidation.ValidateServiceAccount(it)
	case *policy.PodDisruptionBudget:
		return policyvalidation.ValidatePodDisruptionBudget(it, policyvalidation.PodDisruptionBudgetValidationOptions{})
	case *networking.NetworkPolicy:
		return networkingvalidation.ValidateNetworkPolicy(it, networkingvalidation.NetworkPolicyValidationOptions{})
	}
	problem := field.InternalError(nil, fmt.Errorf("no validation is known for %T", object))
	return field.ErrorList{problem}
}

// withAddress gives a service what the server allocates before it validates.
func withAddress(service *core.Service) *core.Service {
	if service.Spec.Type == core.ServiceTypeExternalName {
		return service
	}
	if service.Spec.ClusterIP == "" {
		service.Spec.ClusterIP = "10.96.0.1"
	}
	service.Spec.ClusterIPs = []string{service.Spec.ClusterIP}
	service.Spec.IPFamilies = []core.IPFamily{core.IPv4Protocol}
	return service
}

// insecurities are what a namespace that enforces "restricted" would refuse the pods for.
func insecurities(template core.PodTemplateSpec) []string {
	var pod v1.PodTemplateSpec
	if err := corev1.Convert_core_PodTemplateSpec_To_v1_PodTemplateSpec(&template, &pod, nil); err != nil {
		return []string{err.Error()}
	}
	evaluator, err := podpolicy.NewEvaluator(podpolicy.DefaultChecks(), nil)
	if err != nil {
		return []string{err.Error()}
	}
	restricted := podsecurity.LevelVersion{Level: podsecurity.LevelRestricted, Version: podsecurity.LatestVersion()}
	verdict := podpolicy.AggregateCheckResults(evaluator.EvaluatePod(restricted, &pod.ObjectMeta, &pod.Spec))
	if verdict.Allowed {
		return nil
	}
	return []string{"not restricted: " + verdict.ForbiddenDetail()}
}
