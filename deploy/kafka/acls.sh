#!/bin/sh
# Gives a principal the least rights for its part:
#
#   acls.sh bridge  User:sluice       a bridge that makes its topics, and `sluice replay`
#   acls.sh forward User:sluice       a bridge with kafka.createTopics = false: see topics.sh
#   acls.sh read    User:analyst      sluice tail --kafka, verify, export --kafka
#   acls.sh read    User:siem siem-   a consumer whose groups begin with siem-
#   acls.sh sink    User:siem splunk-hec   a folder of connectors/, by its group sluice-splunk-hec and its dead letters
#   acls.sh connect User:connect      Kafka Connect with sinks; its groups and own topics begin with sluice-connect
#
# KAFKA_ACLS is kafka-acls.sh with how to reach the cluster:
#   KAFKA_ACLS="kafka-acls.sh --bootstrap-server kafka:9092 --command-config admin.properties"
# TOPIC_PREFIX is kafka.topicPrefix.
set -eu

parts="bridge, forward, read, sink, connect"
if [ $# -lt 2 ]; then
  echo "acls.sh PART PRINCIPAL [NAME]; parts are $parts" >&2
  exit 2
fi
part=$1
principal=$2
: "${KAFKA_ACLS:=kafka-acls.sh --bootstrap-server 127.0.0.1:9092}"
: "${TOPIC_PREFIX:=sluice.}"

pattern=prefixed
# allow topic|group PREFIX OPERATION...
allow() {
  resource=$1 prefix=$2
  shift 2
  operations=
  for operation in "$@"; do operations="$operations --operation $operation"; done
  # shellcheck disable=SC2086 # the command and the operations are several words each
  $KAFKA_ACLS --add --allow-principal "$principal" --resource-pattern-type $pattern \
    "--$resource" "$prefix" $operations
}

case $part in
  bridge) allow topic "$TOPIC_PREFIX" Write Create DescribeConfigs ;;
  forward) allow topic "$TOPIC_PREFIX" Write DescribeConfigs ;;
  read)
    allow topic "$TOPIC_PREFIX" Read
    allow group "${3:-sluice-reader-}" Read
    ;;
  sink)
    sink=${3:?the name of the sink, as in its group sluice-NAME}
    allow topic "$TOPIC_PREFIX" Read
    pattern=literal
    allow topic "${TOPIC_PREFIX}dead-letters.$sink" Write
    allow group "sluice-$sink" Read
    ;;
  connect)
    own=${3:-sluice-connect}
    allow topic "$TOPIC_PREFIX" Read
    allow topic "$own" Read Write Create DescribeConfigs
    allow group "$own" Read
    # Where sinks put what they cannot take: sluice.connect-dead-letters.
    allow topic "${TOPIC_PREFIX}connect-" Write Create
    # Kafka Connect calls the group of a sink connect-<its name>.
    allow group connect- Read
    ;;
  *)
    echo "acls.sh: no such part: $part; there are $parts" >&2
    exit 2
    ;;
esac
