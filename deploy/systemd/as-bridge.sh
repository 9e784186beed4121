# /etc/sluice/as-bridge.sh: commands that follow see what the bridge sees, its secrets among it. As root:
#
#   . /etc/sluice/as-bridge.sh && sluice doctor
# Each file in credentials is named for the setting that is the secret: http-auth is SLUICE_HTTP_AUTH_FILE.
unset SLUICE_REDIS_USER SLUICE_REDIS_PASSWORD_FILE SLUICE_KAFKA_SASL_USERNAME
export SLUICE_CONFIG=/etc/sluice/sluice.toml
for secret in /etc/sluice/credentials/*; do
  export "SLUICE_$(basename "$secret" | tr a-z- A-Z_)_FILE=$secret"
done
unset secret
