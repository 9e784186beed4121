#!/bin/sh
# Makes the passwords of the stack, each once, in secrets/: only its owner gets into the folder, and a container sees only
# the files it is given, under users of its own.
set -eu
cd "$(dirname "$0")"
umask 022
mkdir -p secrets
chmod 700 secrets
cd secrets

random() { od -An -N24 -tx1 /dev/urandom | tr -d ' \n'; }
hash() { printf %s "$1" | sha256sum | cut -d ' ' -f 1; }
# once FILE TEXT: keeps what is there.
once() { [ -e "$1" ] || printf '%s\n' "$2" >"$1"; }

once plugin-password "$(random)"
once frp-token "$(random)"
once admin-token "$(random)"
once redis-bridge-password "$(random)"
once redis-operator-password "$(random)"
once postgres-password "$(random)"
once grafana-password "$(random)"

# The same passwords, as each program wants them.
printf 'frps:%s\n' "$(cat plugin-password)" >http-auth
printf 'FRP_TOKEN=%s\nSLUICE_PASSWORD=%s\n' "$(cat frp-token)" "$(cat plugin-password)" >frps.env
printf 'redis://bridge:%s@redis:6379\n' "$(cat redis-bridge-password)" >redis-bridge-url
printf 'redis://operator:%s@redis:6379\n' "$(cat redis-operator-password)" >redis-operator-url
printf 'POSTGRESQL_URL=jdbc:postgresql://postgres:5432/sluice\nPOSTGRESQL_USER=sluice\nPOSTGRESQL_PASSWORD=%s\n' \
  "$(cat postgres-password)" >connect.env
cat >redis.acl <<ACL
user default on nopass resetkeys resetchannels -@all +ping
user bridge on #$(hash "$(cat redis-bridge-password)") resetchannels &__redis__:invalidate %R~sluice:policy:* %R~sluice:prox:* ~sluice:ban:* -@all +ping +subscribe +client|id +client|tracking +scan +get +mget +pttl +set
user operator on #$(hash "$(cat redis-operator-password)") resetchannels &__redis__:invalidate ~sluice:policy:* ~sluice:prox:* ~sluice:ban:* -@all +ping +subscribe +client|id +client|tracking +scan +get +mget +pttl +set +del +multi +exec
ACL
