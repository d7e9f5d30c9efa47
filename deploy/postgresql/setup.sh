#!/bin/sh
# The server's role and database in a PostgreSQL on this machine: as root, once; again does no harm and changes no password by itself.
# The service reaches it over the socket as the system's user `pointofcare` (peer), so that no password lies anywhere:
#   database_url = "postgresql+psycopg:///pointofcare?host=/var/run/postgresql"
set -eu
role=${1:-pointofcare}
database=${2:-pointofcare}
case "$role$database" in
*[!a-z0-9_]*) echo "names of a to z, 0 to 9 and _ only" >&2; exit 2 ;;
esac

as_owner() { if [ "$(id -u)" = 0 ]; then (cd / && setpriv --reuid=postgres --regid=postgres --init-groups -- "$@"); else "$@"; fi; }
ask() { as_owner psql -X -q -v ON_ERROR_STOP=1 -At "$@"; }

if [ "$(ask -d postgres -c "SELECT count(*) FROM pg_roles WHERE rolname = '$role'")" = 0 ]; then
    ask -d postgres -c "CREATE ROLE $role LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE CONNECTION LIMIT 60"
fi
if [ "$(ask -d postgres -c "SELECT count(*) FROM pg_database WHERE datname = '$database'")" = 0 ]; then
    # The order of names is the program's own; the database compares bytes, which no update of the system's locales can change.
    ask -d postgres -c "CREATE DATABASE $database OWNER $role TEMPLATE template0 ENCODING 'UTF8' LC_COLLATE 'C' LC_CTYPE 'C.UTF-8'"
fi
ask -d postgres -c "REVOKE ALL ON DATABASE $database FROM PUBLIC"
ask -d postgres -c "GRANT CONNECT, TEMPORARY ON DATABASE $database TO $role"
ask -d "$database" -c "REVOKE CREATE ON SCHEMA public FROM PUBLIC"
ask -d "$database" -c "GRANT USAGE, CREATE ON SCHEMA public TO $role"
# A dose that was acknowledged is on the disk; a transaction that somebody forgot holds no row for hours.
ask -d postgres -c "ALTER DATABASE $database SET synchronous_commit = on"
ask -d postgres -c "ALTER DATABASE $database SET idle_in_transaction_session_timeout = '60s'"
for setting in fsync full_page_writes; do
    if [ "$(ask -d postgres -c "SHOW $setting")" != on ]; then
        echo "$setting is off in this PostgreSQL: a power cut would lose doses. Switch it on in postgresql.conf." >&2
        exit 1
    fi
done
echo "database $database is ready for the role $role"
