#include "cmcd-lite/server/devices/td_quotes.h"

#include <memory>
#include <nlohmann/json.hpp>

#include "cmcd-lite/http/client.h"
#include "evidence/core/hex.h"
#include "evidence/core/printable.h"
#include "evidence/json/canonical.h"

namespace attest {
namespace {

constexpr std::chrono::milliseconds kPatience{5000};
constexpr std::size_t kMaxAnswer = 64 << 10;
constexpr std::size_t kMaxQuote = 16384;

Result<Bytes> quote_of(std::string_view answer) {
  Error bad{Errc::malformed, "the quoting service's answer holds no quote"};
  auto json = read_strict_json(as_view(answer));
  if (!json || !json->is_object()) return bad;
  auto quote = json->find("quote");
  if (quote == json->end() || !quote->is_string()) return bad;
  std::string_view text = quote->get_ref<const std::string&>();
  while (text.ends_with('=')) text.remove_suffix(1);
  auto bytes = from_base64url(text, kMaxQuote);
  return bytes ? std::move(bytes) : Result<Bytes>(bad);
}

}  // namespace

Result<TdQuoter> td_quote_service(const std::string& url) {
  TRY(http::Url service, http::read_url(url));
  HttpOptions options;
  options.deadline = kPatience;
  options.max_body = kMaxAnswer;
  TRY(HttpClient made, HttpClient::make(std::move(options)));
  auto client = std::make_shared<const HttpClient>(std::move(made));
  return TdQuoter([client, service](View td_report) -> Result<Bytes> {
    http::Request request;
    request.method = "POST";
    request.content_type = "application/json";
    request.body = R"({"report":")" + to_base64url(td_report) + "\"}";
    TRY(HttpAnswer answer, client->call(service, request));
    if (answer.status != 200)
      return Error{Errc::io, service.authority() + ": no TD quote (status " + std::to_string(answer.status) + "): " + printable(answer.body, 200)};
    return quote_of(answer.body);
  });
}

}  // namespace attest
