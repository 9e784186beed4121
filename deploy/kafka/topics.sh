#!/bin/sh
# Makes the topics as a bridge would, for kafka.createTopics = false, and for sinks in connectors/ what no bridge makes.
# What is there stays as it is.
#
# KAFKA_TOPICS is kafka-topics.sh with how to reach the cluster. TOPIC_PREFIX, PARTITIONS and REPLICATION are
# kafka.topicPrefix, kafka.partitions and kafka.replicationFactor; PROJECTIONS and SINKS are words: "flat flat-sessions",
# "webhook s3".
set -eu

: "${KAFKA_TOPICS:=kafka-topics.sh --bootstrap-server 127.0.0.1:9092}"
: "${TOPIC_PREFIX:=sluice.}"
: "${PARTITIONS:=6}"
: "${REPLICATION:=3}"
# One replica may be away.
insync=$((REPLICATION > 1 ? REPLICATION - 1 : 1))

# topic NAME DAYS OPTION...
topic() {
  name=$1 days=$2
  shift 2
  # shellcheck disable=SC2086 # the command is several words
  $KAFKA_TOPICS --create --if-not-exists --topic "$TOPIC_PREFIX$name" "$@" \
    --partitions "$PARTITIONS" --replication-factor "$REPLICATION" \
    --config cleanup.policy=delete --config "retention.ms=$((days * 86400000))" \
    --config "min.insync.replicas=$insync" --config compression.type=producer \
    --config message.timestamp.type=LogAppendTime
}

topic logins 30
topic proxies 30
topic heartbeats 1
topic work-conns 1
topic user-sessions 30
topic http-requests 7
topic policy-changes 90
topic unknown 7
topic bridge 30
topic dead-letters 90
# events.projections: the topics of those that are turned on.
for projection in ${PROJECTIONS:-}; do topic "$projection" 7; done
# Folders of connectors/ that run beside: where each puts what it cannot take, and with it why.
for sink in ${SINKS:-}; do topic "dead-letters.$sink" 90 --config "max.message.bytes=$((4 << 20))"; done
