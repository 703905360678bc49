#include "cmcd-lite/server/cmc/est.h"

#include <openssl/pkcs7.h>
#include <openssl/rand.h>

#include "cmcd-lite/http/client.h"
#include "cmcd-lite/http/connection.h"
#include "drivers/secret_file.h"
#include "evidence/core/crypto.h"
#include "evidence/core/error_mark.h"
#include "evidence/core/hex.h"
#include "evidence/core/printable.h"
#include "evidence/x509/certificate.h"

namespace attest {
namespace {

constexpr std::size_t kMaxAnswer = 1 << 20;
constexpr std::size_t kMaxToken = 4096;
constexpr int kMaxChain = 16;
constexpr std::size_t kColumns = 76;

using OwnedPkcs7 = Owned<PKCS7, PKCS7_free>;

Error failed(const EstConfig& config, const std::string& what) {
  return {Errc::io, "enrolment at " + config.host + ":" + config.port + ": " + what};
}

std::string wrapped_base64(View bytes) {
  std::string text = to_base64(bytes), out;
  for (std::size_t at = 0; at < text.size(); at += kColumns) out += text.substr(at, kColumns) + "\r\n";
  return out;
}

// talk sends a request and reads until the server closes: HTTP/1.0, so that no answer comes in chunks.
Result<Bytes> talk(const EstConfig& config, const std::string& request, std::chrono::seconds patience) {
  std::vector<std::string> roots;
  for (const auto& file : config.roots) roots.push_back(file.string());
  TRY(OwnedSslCtx tls, tls_client_context(roots));
  http::Url server{true, config.host, config.port, "/"};
  TRY(http::Connection connection, http::Connection::open(server, tls.get(), std::chrono::steady_clock::now() + patience));
  CHECK_OK(connection.write(request));
  std::string answer;
  for (bool more = true; more;) {
    TRY(more, connection.read(answer));
    if (answer.size() >= kMaxAnswer) return Error{Errc::io, server.authority() + ": an answer of more than 1 MiB"};
  }
  return to_bytes(as_view(answer));
}

Result<Bytes> exchange(const EstConfig& config, const std::string& request, std::chrono::seconds patience) {
  auto answer = talk(config, request, patience);
  if (!answer) return Error{answer.error().code, "enrolment at " + answer.error().what};
  return answer;
}

Result<std::string> head_of(const EstConfig& config, const char* method, std::string_view operation) {
  std::string head = std::string(method) + " /.well-known/est/" + std::string(operation) + " HTTP/1.0\r\nHost: " + config.host +
                     ":" + config.port + "\r\nAccept: application/pkcs7-mime\r\n";
  if (config.token.empty()) return head;
  TRY(Secret token, read_secret_file(config.token, kMaxToken));
  std::string text(as_text(token.reveal()));
  while (!text.empty() && static_cast<unsigned char>(text.back()) <= ' ') text.pop_back();
  if (!std::ranges::all_of(text, [](char c) { return c > ' ' && c < 0x7f; }))
    return Error{Errc::malformed, config.token.string() + ": a token is printable characters on one line"};
  return head + "Authorization: Bearer " + text + "\r\n";
}

Result<std::vector<Bytes>> certificates_of(View pkcs7) {
  ErrorMark mark;
  const unsigned char* at = pkcs7.data();
  OwnedPkcs7 parsed(d2i_PKCS7(nullptr, &at, static_cast<long>(pkcs7.size())));
  Error bad{Errc::malformed, "enrolment: the answer is no PKCS#7 with certificates"};
  if (!parsed || !PKCS7_type_is_signed(parsed.get()) || parsed->d.sign == nullptr) return bad;
  const STACK_OF(X509)* stack = parsed->d.sign->cert;
  int count = stack == nullptr ? 0 : sk_X509_num(stack);
  if (count < 1 || count > kMaxChain) return bad;
  std::vector<Bytes> out;
  for (int i = 0; i < count; i++) {
    unsigned char* der = nullptr;
    int size = i2d_X509(sk_X509_value(stack, i), &der);
    if (size <= 0) return bad;
    out.emplace_back(der, der + size);
    OPENSSL_free(der);
  }
  return out;
}

}  // namespace

Result<EstConfig> parse_est_address(std::string_view url) {
  Error bad{Errc::malformed, "must be \"https://HOST:PORT\"; found \"" + printable(url) + "\""};
  if (!url.starts_with("https://")) return bad;
  std::string_view rest = url.substr(8);
  if (rest.ends_with('/')) rest.remove_suffix(1);
  std::size_t bracket = rest.find(']'), colon = rest.rfind(':');
  if (colon != std::string_view::npos && bracket != std::string_view::npos && colon < bracket) colon = std::string_view::npos;
  EstConfig out;
  out.host = rest.substr(0, colon);
  out.port = colon == std::string_view::npos ? "443" : std::string(rest.substr(colon + 1));
  if (out.host.starts_with('[') && out.host.ends_with(']')) out.host = out.host.substr(1, out.host.size() - 2);
  auto plain = [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '.' || c == '-' || c == ':'; };
  if (out.host.empty() || !std::ranges::all_of(out.host, plain)) return bad;
  if (out.port.empty() || out.port.size() > 5 || !std::ranges::all_of(out.port, [](char c) { return c >= '0' && c <= '9'; })) return bad;
  return out;
}

EstBody est_body(const std::vector<EstPart>& parts, std::string_view boundary) {
  EstBody out;
  out.type = "multipart/mixed; boundary=" + std::string(boundary);
  for (const EstPart& part : parts) {
    bool text = part.type == std::string_view("text/plain");  // travels as it is, whatever its header says
    out.text += "--" + std::string(boundary) + "\r\nContent-Transfer-Encoding: base64\r\nContent-Type: " + part.type + "\r\n\r\n" +
                (text ? std::string(as_text(part.bytes)) : wrapped_base64(part.bytes)) + "\r\n";
  }
  out.text += "--" + std::string(boundary) + "--\r\n";
  return out;
}

Result<std::vector<Bytes>> parse_est_answer(View answer) {
  std::string_view text = as_text(answer);
  std::size_t end = text.find("\r\n\r\n");
  if (!text.starts_with("HTTP/1.") || text.size() < 12 || end == std::string_view::npos)
    return Error{Errc::malformed, "enrolment: the server does not speak HTTP"};
  std::string_view status = text.substr(9, 3), body = text.substr(end + 4);
  if (status != "200") return Error{Errc::denied, "enrolment: the server answered " + printable(status) + ": " + printable(body, 300)};
  std::string joined;
  for (char c : body)
    if (static_cast<unsigned char>(c) > ' ') joined += c;
  TRY(Bytes pkcs7, from_base64(joined, kMaxAnswer));
  return certificates_of(pkcs7);
}

Result<Bytes> est_post(const EstConfig& config, std::string_view operation, const std::vector<EstPart>& parts,
                       std::chrono::seconds patience) {
  std::array<std::uint8_t, 24> random{};
  if (RAND_bytes_ex(private_libctx(), random.data(), random.size(), 0) != 1) return failed(config, "OpenSSL failed");
  EstBody body = est_body(parts, to_hex(random));
  TRY(std::string head, head_of(config, "POST", operation));
  return exchange(config, head + "Content-Transfer-Encoding: base64\r\nContent-Type: " + body.type + "\r\nContent-Length: " +
                              std::to_string(body.text.size()) + "\r\n\r\n" + body.text, patience);
}

Result<std::vector<Bytes>> est_enroll(const EstConfig& config, std::string_view operation, const std::vector<EstPart>& parts,
                                      std::chrono::seconds patience) {
  TRY(Bytes answer, est_post(config, operation, parts, patience));
  return parse_est_answer(answer);
}

Result<std::vector<Bytes>> est_cacerts(const EstConfig& config, std::chrono::seconds patience) {
  TRY(std::string head, head_of(config, "GET", "cacerts"));
  TRY(Bytes answer, exchange(config, head + "\r\n", patience));
  return parse_est_answer(answer);
}

}  // namespace attest
