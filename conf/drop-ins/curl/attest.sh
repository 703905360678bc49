# /etc/profile.d/attest.sh: every OpenSSL program started from a login shell, curl among them, demands and gives evidence.
# For one call: OPENSSL_CONF=/etc/attest/openssl.cnf curl https://db.example/
export OPENSSL_CONF=/etc/attest/openssl.cnf
