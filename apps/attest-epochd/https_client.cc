#include "apps/attest-epochd/https.h"
#include "cmcd-lite/http/client.h"

namespace attest::epochd {

Result<Bytes> https_get(const std::string& text, const std::string& ca_file, std::size_t max_bytes) {
  constexpr std::string_view kScheme = "https://";
  auto url = http::read_url(text);
  if (!url || !url->tls) return Error{Errc::malformed, text + ": must be https://HOST[:PORT]/PATH"};
  if (text.find('/', kScheme.size()) == std::string::npos) url->path = kPath;
  HttpOptions options;
  if (!ca_file.empty()) options.roots = {ca_file};
  options.deadline = std::chrono::seconds(2 * kPatienceSeconds);
  options.max_body = max_bytes;
  TRY(HttpClient client, HttpClient::make(std::move(options)));
  TRY(HttpAnswer answer, client.call(*url, {}));
  if (answer.status != 200) return Error{Errc::io, url->authority() + url->path + ": answers " + std::to_string(answer.status)};
  return to_bytes(as_view(answer.body));
}

}  // namespace attest::epochd
