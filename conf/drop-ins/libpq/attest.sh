# /etc/profile.d/attest-libpq.sh: psql, pg_dump and whatever else speaks through libpq.
# libpq's default sslmode (prefer) and `allow` try again in plain text after a refused handshake, and no TLS module sees that.
# An sslmode in a connection string or a service file overrides this one: `attestctl doctor` looks for those.
export OPENSSL_CONF=/etc/attest/openssl.cnf
export PGSSLMODE=verify-full
export PGSSLROOTCERT=/etc/ssl/certs/ca-certificates.crt
