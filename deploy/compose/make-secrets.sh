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
for user in bridge writer reader bans; do once redis-$user-password "$(random)"; done
once postgres-password "$(random)"
once grafana-password "$(random)"

# The same passwords, as each program wants them.
printf 'frps:%s\n' "$(cat plugin-password)" >http-auth
printf 'FRP_TOKEN=%s\nSLUICE_PASSWORD=%s\n' "$(cat frp-token)" "$(cat plugin-password)" >frps.env
# The users of ../redis, but that the health check may ping without a name.
grep -v '^user default ' ../../redis/users.acl >redis.acl
echo 'user default on nopass resetkeys resetchannels -@all +ping' >>redis.acl
for user in bridge writer reader bans; do
  password=$(cat redis-$user-password)
  sed -i.old "s/>change-me-$user /#$(hash "$password") /" redis.acl
  printf 'redis://sluice-%s:%s@redis:6379\n' $user "$password" >redis-$user-url
done
rm redis.acl.old
if grep -q '>' redis.acl; then
  echo "make-secrets.sh: a user of deploy/redis/users.acl is not known here" >&2
  exit 1
fi
printf 'POSTGRESQL_URL=jdbc:postgresql://postgres:5432/sluice\nPOSTGRESQL_USER=sluice\nPOSTGRESQL_PASSWORD=%s\n' \
  "$(cat postgres-password)" >connect.env
