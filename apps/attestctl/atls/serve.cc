// attestctl serve: attested HTTP, as a server with a few resources to try clients on.
#include <cstdio>

#include "apps/attestctl/atls/http_stream.h"
#include "apps/attestctl/commands.h"
#include "evidence/core/hash.h"
#include "evidence/core/hex.h"

namespace attest::ctl {
namespace {

constexpr std::uint64_t kMaxUnwanted = 1 << 20;  // bytes of a body that are read for the sake of the connection

http::Head answer_head(int status, std::string_view reason, std::string_view type) {
  http::Head out;
  out.status = status;
  out.reason = reason;
  out.set("Content-Type", type);
  return out;
}

Status answer_text(HttpStream& stream, http::Head head, std::string_view method, std::string_view text) {
  head.set("Content-Length", std::to_string(text.size()));
  CHECK_OK(stream.write(http::write_response(head)));
  return method == "HEAD" ? ok() : stream.write(text);
}

// answer_post takes a body of any length in pieces and says what came: a client that sends all before it reads anything
// must not wait for us.
Status answer_post(HttpStream& stream, const http::Head& request, const http::Body& body) {
  if (request.lists("Expect", "100-continue")) CHECK_OK(stream.write("HTTP/1.1 100 Continue\r\n\r\n"));
  OwnedMdCtx hash(EVP_MD_CTX_new());
  bool good = hash && EVP_DigestInit_ex(hash.get(), evp_md(HashAlg::sha256), nullptr) == 1;
  std::uint64_t size = 0;
  CHECK_OK(stream.body(body, [&](View piece) {
    size += piece.size();
    good = good && EVP_DigestUpdate(hash.get(), piece.data(), piece.size()) == 1;
    return ok();
  }));
  Digest digest = Digest::filled(HashAlg::sha256, 0);
  if (!good || EVP_DigestFinal_ex(hash.get(), digest.data(), nullptr) != 1)
    return Error{Errc::io, "OpenSSL gives no digest"};
  return answer_text(stream, answer_head(200, "OK", "application/json"), request.method,
                     "{\"bytes\": " + std::to_string(size) + ", \"sha256\": \"" + to_hex(digest.view()) + "\"}\n");
}

// pass_over reads a body that nobody wants; false for one that is not worth the while.
Result<bool> pass_over(HttpStream& stream, const http::Body& body) {
  if (body.kind == http::Body::Kind::length && body.length > kMaxUnwanted) return false;
  std::uint64_t left = kMaxUnwanted;
  Status heard = stream.body(body, [&](View piece) -> Status {
    if (piece.size() > left) return Error{Errc::denied, "a body that nobody wants"};
    left -= piece.size();
    return ok();
  });
  if (!heard && heard.error().code == Errc::denied) return false;
  CHECK_OK(heard);
  return true;
}

// answer gives false where the connection ends with it.
Result<bool> answer(HttpStream& stream, const http::Head& request, const std::string& peer) {
  TRY(http::Body body, http::request_body(request));
  bool goes_on = !request.lists("Connection", "close") && request.minor != 0;
  bool reads = request.method == "GET" || request.method == "HEAD";
  bool writes = request.method == "POST" || request.method == "PUT";
  std::string_view path = std::string_view(request.target).substr(0, request.target.find('?'));
  if (writes && path == "/post") {
    CHECK_OK(answer_post(stream, request, body));
    return goes_on;
  }
  bool held_back = request.lists("Expect", "100-continue") && body.kind != http::Body::Kind::none;
  if (goes_on && !held_back) {
    TRY(bool passed, pass_over(stream, body));
    goes_on = passed;
  }
  goes_on = goes_on && !held_back;
  http::Head head = answer_head(200, "OK", path == "/data" ? "application/json" : "text/plain");
  std::string text = path == "/data" ? "{\"peer\": \"" + peer + "\"}\n" : "hello over attested TLS\n";
  bool known = path == "/" || path == "/data" || path == "/post";
  if (!reads || !known || path == "/post") {
    head = known ? answer_head(405, "Method Not Allowed", "text/plain") : answer_head(404, "Not Found", "text/plain");
    text = "there is / and /data to read and /post to write\n";
  }
  if (!goes_on) head.set("Connection", "close");
  CHECK_OK(answer_text(stream, std::move(head), request.method, text));
  return goes_on;
}

// requests answers one after the other until the client closes or asks to.
Status requests(AttestedChannel& channel, const std::string& peer) {
  HttpStream stream(channel);
  for (;;) {
    auto request = stream.request();
    if (!request && request.error().code == Errc::io && stream.silent()) return ok();  // gone, without a word
    if (!request) {
      (void)answer_text(stream, answer_head(400, "Bad Request", "text/plain"), "GET", "this is no request\n");
      return request.error();
    }
    if (!*request) return ok();
    TRY(bool goes_on, answer(stream, **request, peer));
    if (!goes_on) return ok();
  }
}

void serve_one(const Session& session, const Endpoint& endpoint, OwnedFd fd) {
  std::string peer;
  auto channel = welcome(session, endpoint, std::move(fd), peer);
  if (!channel) return;
  bound_silence(SSL_get_fd(channel->ssl()));
  Status served = requests(*channel, peer);
  if (!served) std::fprintf(stderr, "dropped   %s   %s\n", peer.c_str(), served.error().what.c_str());
  channel->part();
}

Result<Exit> run(const Session& session, const ListenOptions& options) {
  TRY(Endpoint endpoint, make_endpoint(session, options.endpoint, true));
  return listen_and_serve(options.address, options.count, [&](OwnedFd fd) { serve_one(session, endpoint, std::move(fd)); });
}

}  // namespace

void add_serve(CLI::App& app_, Session& session) {
  auto options = std::make_shared<ListenOptions>();
  CLI::App* app = command(app_, session, "serve", "HTTP server over attested TLS: /, /data, /post",
                          [options](Session& s) { return run(s, *options); });
  add_listen_options(*app, *options);
  add_endpoint_options(*app, options->endpoint);
  app->get_option("--cert")->required();
}

}  // namespace attest::ctl
