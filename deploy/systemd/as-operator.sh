# /etc/sluice/as-operator.sh: commands that follow may write rules and read topics, neither of which the bridge may. As
# root, with the passwords of these two users in /etc/sluice/operator:
#
#   . /etc/sluice/as-operator.sh && sluice policy list
. /etc/sluice/as-bridge.sh
export SLUICE_REDIS_USER=sluice-writer SLUICE_REDIS_PASSWORD_FILE=/etc/sluice/operator/redis-password
export SLUICE_KAFKA_SASL_USERNAME=sluice-reader SLUICE_KAFKA_SASL_PASSWORD_FILE=/etc/sluice/operator/kafka-sasl-password
