// Judges the Kubernetes objects on its standard input as an API server would: no field that the API does not know, no
// value of a wrong type, the server's own defaults and validation, and for pods the Pod Security Standard "restricted".
// Of an operator's objects only the fields are judged. It prints one JSON object: the complaints, and the objects as
// the server would keep them.
package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"

	monitoring "github.com/prometheus-operator/prometheus-operator/pkg/apis/monitoring/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/serializer"
	utilruntime "k8s.io/apimachinery/pkg/util/runtime"
	"k8s.io/apimachinery/pkg/util/yaml"
	"k8s.io/kubernetes/pkg/apis/apps"
	appsinstall "k8s.io/kubernetes/pkg/apis/apps/install"
	coreinstall "k8s.io/kubernetes/pkg/apis/core/install"
	networkinginstall "k8s.io/kubernetes/pkg/apis/networking/install"
	policyinstall "k8s.io/kubernetes/pkg/apis/policy/install"
)

func main() {
	scheme := runtime.NewScheme()
	coreinstall.Install(scheme)
	appsinstall.Install(scheme)
	networkinginstall.Install(scheme)
	policyinstall.Install(scheme)
	utilruntime.Must(monitoring.AddToScheme(scheme))

	verdict := Verdict{Objects: []runtime.Object{}, Complaints: []string{}}
	reader := yaml.NewYAMLReader(bufio.NewReader(os.Stdin))
	for {
		text, err := reader.Read()
		if errors.Is(err, io.EOF) {
			break
		}
		utilruntime.Must(err)
		object, complaints := judge(scheme, text)
		verdict.Complaints = append(verdict.Complaints, complaints...)
		if object != nil {
			verdict.Objects = append(verdict.Objects, object)
		}
	}
	utilruntime.Must(json.NewEncoder(os.Stdout).Encode(verdict))
}

// Verdict is what is printed.
type Verdict struct {
	Complaints []string         `json:"complaints"`
	Objects    []runtime.Object `json:"objects"`
}

func judge(scheme *runtime.Scheme, text []byte) (runtime.Object, []string) {
	decoder := serializer.NewCodecFactory(scheme, serializer.EnableStrict).UniversalDeserializer()
	object, kind, err := decoder.Decode(text, nil, nil)
	if err != nil {
		return nil, []string{err.Error()}
	}
	if kind.Group == monitoring.SchemeGroupVersion.Group {
		return object, nil
	}
	scheme.Default(object)
	internal, err := scheme.ConvertToVersion(object, runtime.InternalGroupVersioner)
	if err != nil {
		return nil, []string{err.Error()}
	}
	var complaints []string
	for _, problem := range problemsOf(internal) {
		complaints = append(complaints, fmt.Sprintf("%s: %s", kind.Kind, problem))
	}
	if set, isSet := internal.(*apps.StatefulSet); isSet {
		complaints = append(complaints, insecurities(set.Spec.Template)...)
	}
	return object, complaints
}
