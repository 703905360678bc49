#include "cmcd-lite/http/client.h"

#include "cmcd-lite/http/connection.h"
#include "evidence/core/crypto.h"
#include "evidence/core/error_mark.h"
#include "evidence/core/file.h"
#include "evidence/http/head.h"
#include "evidence/x509/certificate.h"
#include "evidence/x509/private_key.h"

namespace attest {
namespace {

using http::Connection;

constexpr std::size_t kMaxKeyFile = 64 << 10;
constexpr const char* kSystemRoots = "/etc/ssl/certs/ca-certificates.crt";

Status add_roots(SSL_CTX* tls, std::vector<std::string> files) {
  bool ours = files.empty();
  if (ours) files = {kSystemRoots};
  for (const std::string& file : files) {
    Result<std::vector<Bytes>> ders = read_certificates(file);
    if (!ders && ours) return ok();  // a machine without roots trusts no server
    if (!ders) return ders.error();
    for (const Bytes& der : *ders) {
      TRY(OwnedX509 root, parse_certificate(der));
      X509_STORE_add_cert(SSL_CTX_get_cert_store(tls), root.get());
    }
  }
  return ok();
}

Status add_identity(SSL_CTX* tls, const HttpOptions& options) {
  if (options.cert.empty()) return ok();
  TRY(std::vector<Bytes> chain, read_certificates(options.cert));
  TRY(Bytes pem, read_file(options.key, kMaxKeyFile));
  auto key = parse_private_key(pem, options.key);
  OPENSSL_cleanse(pem.data(), pem.size());
  if (!key) return key.error();
  TRY(OwnedX509 leaf, parse_certificate(chain.front()));
  bool good = SSL_CTX_use_certificate(tls, leaf.get()) == 1 && SSL_CTX_use_PrivateKey(tls, key->get()) == 1;
  for (std::size_t i = 1; good && i < chain.size(); i++) {
    TRY(OwnedX509 more, parse_certificate(chain[i]));
    good = SSL_CTX_add1_chain_cert(tls, more.get()) == 1;
  }
  if (good) return ok();
  return Error{Errc::mismatch, options.cert + " and " + options.key + " do not belong together"};
}

// read_head reads until the head is whole; the bytes behind it stay in text.
Result<http::Head> read_head(Connection& connection, std::string& text) {
  for (;;) {
    if (auto size = http::head_size(as_view(text))) {
      TRY(http::Head head, http::parse_response(as_view(text).first(*size)));
      text.erase(0, *size);
      return head;
    }
    if (text.size() > http::kMaxHead) return Error{Errc::malformed, "http: a head of more than 64 KiB"};
    TRY(bool more, connection.read(text));
    if (!more) return Error{Errc::io, "http: the answer ends in its head"};
  }
}

std::string field_of(const http::Head& head, std::string_view name) {
  const std::string* found = head.find(name);
  std::string out = found == nullptr ? "" : *found;
  for (char& c : out)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  return out;
}

Error too_large(std::size_t max) { return {Errc::malformed, "http: an answer of more than " + std::to_string(max) + " bytes"}; }

Result<std::string> read_chunked(Connection& connection, std::string text, std::size_t max) {
  http::Chunks chunks;
  std::string body;
  for (;;) {
    for (std::string_view rest = text; !rest.empty();) {
      if (chunks.whole()) return Error{Errc::malformed, "http: bytes behind the last chunk"};
      TRY(std::string_view piece, chunks.next(rest));
      if (piece.size() > max - body.size()) return too_large(max);
      body += piece;
    }
    if (chunks.whole()) return body;
    text.clear();
    TRY(bool more, connection.read(text));
    if (!more) return Error{Errc::io, "http: the answer ends in its body"};
  }
}

// read_body: without a length the body ends with the connection.
Result<std::string> read_body(Connection& connection, const http::Body& body, std::string text, std::size_t max) {
  using Kind = http::Body::Kind;
  if (body.kind == Kind::none) return std::string();
  if (body.kind == Kind::chunked) return read_chunked(connection, std::move(text), max);
  if (body.kind == Kind::length && body.length > max) return too_large(max);
  for (;;) {
    if (body.kind == Kind::length && text.size() >= body.length) return text.substr(0, static_cast<std::size_t>(body.length));
    if (text.size() > max) return too_large(max);
    TRY(bool more, connection.read(text));
    if (more) continue;
    if (body.kind == Kind::length) return Error{Errc::io, "http: the answer ends in its body"};
    return text;
  }
}

}  // namespace

Result<OwnedSslCtx> tls_client_context(const std::vector<std::string>& roots) {
  ErrorMark mark;
  OwnedSslCtx tls(SSL_CTX_new_ex(private_libctx(), nullptr, TLS_client_method()));
  if (!tls || SSL_CTX_set_min_proto_version(tls.get(), TLS1_2_VERSION) != 1) return Error{Errc::io, "http: no TLS"};
  SSL_CTX_set_verify(tls.get(), SSL_VERIFY_PEER, nullptr);
  CHECK_OK(add_roots(tls.get(), roots));
  return tls;
}

Result<HttpClient> HttpClient::make(HttpOptions options) {
  ErrorMark mark;
  HttpClient out(std::move(options));
  TRY(out.tls_, tls_client_context(out.options_.roots));
  CHECK_OK(add_identity(out.tls_.get(), out.options_));
  return out;
}

Result<HttpAnswer> HttpClient::call(const http::Url& url, const http::Request& request) const {
  TRY(Connection connection, Connection::open(url, url.tls ? tls_.get() : nullptr, std::chrono::steady_clock::now() + options_.deadline));
  CHECK_OK(connection.write(http::encode_request(url, request)));
  std::string text;
  TRY(http::Head head, read_head(connection, text));
  TRY(http::Body body, http::response_body(head, request.method));
  if (std::string coding = field_of(head, "content-encoding"); !coding.empty() && coding != "identity")
    return Error{Errc::unsupported, "http: an encoded body"};
  HttpAnswer answer{head.status, field_of(head, "content-type"), {}};
  TRY(answer.body, read_body(connection, body, std::move(text), options_.max_body));
  return answer;
}

}  // namespace attest
