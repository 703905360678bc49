// td_quotes.h: TD quotes made by the cloud's metadata service, on machines whose guest has no quoting enclave to ask.
#pragma once
#include "drivers/config.h"

namespace attest {

// td_quote_service asks `url` as Azure's service wants it: {"report"} posted, {"quote"} answered, both base64url. A call blocks
// for at most five seconds. io where none answers in time or the answer says no; malformed for one that is none. What comes
// is not trusted: the driver compares it with the claims, the verifier judges the quote.
Result<TdQuoter> td_quote_service(const std::string& url);

}  // namespace attest
