// Redpanda Connect with the components that connectors/ uses, which are under Apache-2.0. The path of this module lets
// it take S3's alone: public/components/aws would bring along inputs under the Redpanda Community License. One file of
// that licence stays, internal/serviceaccount, a way to sign in at Redpanda's cloud that Kafka's component refers to.
package main

import (
	"context"

	"github.com/redpanda-data/benthos/v4/public/service"

	_ "github.com/redpanda-data/connect/v4/internal/impl/aws/s3"
	_ "github.com/redpanda-data/connect/v4/public/components/io"
	_ "github.com/redpanda-data/connect/v4/public/components/kafka"
	_ "github.com/redpanda-data/connect/v4/public/components/opensearch"
	_ "github.com/redpanda-data/connect/v4/public/components/pure"
)

func main() {
	service.RunCLI(context.Background(), service.CLIOptSetBinaryName("redpanda-connect"))
}
