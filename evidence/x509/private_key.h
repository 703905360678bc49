// private_key.h: private keys as files hold them.
#pragma once
#include "evidence/core/bytes.h"
#include "evidence/core/owned.h"

namespace attest {

// parse_private_key reads PEM without a passphrase, for which nobody is asked, into the private library context. malformed
// otherwise; name stands for the file in errors.
Result<OwnedPkey> parse_private_key(View pem, std::string_view name);

}  // namespace attest
