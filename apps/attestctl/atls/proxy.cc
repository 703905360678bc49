// attestctl proxy: an HTTP forward proxy. Programs speak plain HTTP to it; it speaks attested TLS to their servers.
#include <openssl/rand.h>
#include <sys/socket.h>

#include <cstdio>

#include "apps/attestctl/atls/http_stream.h"
#include "apps/attestctl/commands.h"
#include "evidence/core/crypto.h"
#include "evidence/core/hex.h"
#include "evidence/core/printable.h"

namespace attest::ctl {
namespace {

struct ProxyOptions {
  EndpointOptions endpoint;
  std::string address;
  std::size_t count = 0;
};

struct Proxy {
  const Session& session;
  const Endpoint& endpoint;
  std::string via;  // how this process signs what it passes on
};

Status refuse(HttpStream& stream, int status, std::string_view reason) {
  http::Head head;
  head.status = status;
  head.reason = reason;
  head.set("Content-Length", "0");
  head.set("Connection", "close");
  return stream.write(http::write_response(head));
}

// loops: what we passed on once came back.
bool loops(const Proxy& proxy, const http::Head& head) { return head.lists("Via", "1.1 " + proxy.via); }

void sign(const Proxy& proxy, http::Head& head) { head.fields.push_back({"Via", "1.1 " + proxy.via}); }

// One is a client of the proxy with the server of its last request.
class One {
 public:
  One(const Proxy& proxy, OwnedFd fd) : proxy_(proxy), client_(std::move(fd)), down_(client_) {}

  // part: an orderly end would tell the client of half an answer, or half a stream, that it is whole.
  void part() {
    if (!half_) return ctl::part(client_.fd());
    linger now{1, 0};
    ::setsockopt(client_.fd(), SOL_SOCKET, SO_LINGER, &now, sizeof now);
  }
  Status run() {
    for (;;) {
      auto request = down_.request();
      if (!request && request.error().code == Errc::io && down_.silent()) return ok();  // gone, without a word
      if (!request) {
        if (!dropped(request.error())) (void)refuse(down_, 400, "Bad Request");
        return request.error();
      }
      if (!*request) return ok();
      if (loops(proxy_, **request)) return refuse(down_, 508, "Loop Detected");
      if ((*request)->method == "CONNECT") return tunnel(**request);
      TRY(bool goes_on, pass(**request));
      if (!goes_on) return ok();
    }
  }

 private:
  void hang_up() {
    client_.guard(nullptr);
    up_.reset();
    server_.reset();
  }

  Status dial(const http::Target& target) {
    std::string there = target.host + " " + target.port;
    used_ = server_ && there == where_ && !server_->over();
    if (used_) return ok();
    hang_up();
    atls::Outcome outcome;
    auto dialled = AttestedChannel::dial(proxy_.endpoint, target, &outcome);
    if (dialled || outcome.failure) show_outcome(proxy_.session, target.host + ":" + target.port, outcome);
    if (!dialled) return dialled.error();
    server_ = *std::move(dialled);
    bound_silence(SSL_get_fd(server_->ssl()));
    client_.guard(server_.get());
    up_.emplace(*server_);
    where_ = there;
    return ok();
  }

  // tunnel carries what the client says after CONNECT, in plain, to the attested server.
  Status tunnel(const http::Head& request) {
    auto target = http::parse_authority(request.target, "");
    if (!target) return refuse(down_, 400, "Bad Request");
    if (Status there = dial(*target); !there) {
      CHECK_OK(refuse(down_, 500, "Internal Server Error"));
      return there;
    }
    CHECK_OK(down_.write("HTTP/1.1 200 Connection Established\r\n\r\n"));
    Bytes early = down_.take_buffered();
    if (!early.empty()) CHECK_OK(server_->write(early));
    Status done = relay(client_.fd(), client_.fd(), *server_);
    half_ = !done;
    return done;
  }

  // pass sends one request on and brings the answer back; false where the connection ends with it.
  Result<bool> pass(http::Head request) {
    auto target = http::parse_url(request.target);
    auto body = http::request_body(request);
    if (!target || !body) {
      CHECK_OK(refuse(down_, 400, "Bad Request"));
      return false;
    }
    bool wants_close = request.lists("Connection", "close") || request.lists("Proxy-Connection", "close") || request.minor == 0;
    bool again = body->kind == http::Body::Kind::none && (request.method == "GET" || request.method == "HEAD");
    http::Head copy = request;
    auto answer = ask(copy, *target, *body);
    if (!answer && again && used_ && answer.error().code == Errc::io) {  // the server had enough of a connection in between
      hang_up();
      answer = ask(request, *target, *body);
    }
    if (!answer) {
      std::fprintf(stderr, "failed    %s:%s   %s\n", printable(target->host).c_str(), target->port.c_str(), answer.error().what.c_str());
      CHECK_OK(refuse(down_, 502, "Bad Gateway"));
      return false;
    }
    wants_close = wants_close || up_->deaf();
    TRY(bool goes_on, bring_back(*std::move(answer), request.method, wants_close));
    return goes_on && !wants_close;
  }

  // ask sends a request on and takes the head of its answer: a server that refuses a body need not hear all of it.
  Result<http::Head> ask(http::Head& request, const http::Target& target, const http::Body& body) {
    Status sent = send_on(request, target, body);
    if (!sent && (!up_ || !up_->deaf() || dropped(sent.error()))) return sent.error();
    auto answer = up_->response();
    return answer || sent ? std::move(answer) : sent.error();
  }

  Status send_on(http::Head& request, const http::Target& target, const http::Body& body) {
    CHECK_OK(dial(target));
    http::remove_hop_by_hop(request);
    request.target = target.path;
    request.minor = 1;
    request.set("Host", target.host.find(':') == std::string::npos ? target.host + ":" + target.port
                                                                   : "[" + target.host + "]:" + target.port);
    sign(proxy_, request);
    if (request.lists("Expect", "100-continue") && body.kind != http::Body::Kind::none)
      CHECK_OK(down_.write("HTTP/1.1 100 Continue\r\n\r\n"));
    request.remove("Expect");
    CHECK_OK(up_->write(http::write_request(request)));
    CHECK_OK(down_.body(body, [&](View piece) { return up_->write_piece(body, piece); }));
    return up_->end_body(body);
  }

  Result<bool> bring_back(http::Head answer, const std::string& method, bool last) {
    auto body = http::response_body(answer, method);
    if (!body) {
      CHECK_OK(refuse(down_, 502, "Bad Gateway"));
      return false;
    }
    bool ends = body->kind == http::Body::Kind::until_close;
    bool server_ends = ends || answer.lists("Connection", "close") || answer.minor == 0 || up_->deaf();
    http::remove_hop_by_hop(answer);
    answer.minor = 1;
    sign(proxy_, answer);
    if (ends || last) answer.set("Connection", "close");
    CHECK_OK(down_.write(http::write_response(answer)));
    Status whole = up_->body(*body, [&](View piece) { return down_.write_piece(*body, piece); });
    half_ = !whole;
    CHECK_OK(whole);
    CHECK_OK(down_.end_body(*body));
    if (server_ends) hang_up();
    return !ends;
  }

  const Proxy& proxy_;
  PlainChannel client_;
  HttpStream down_;
  std::unique_ptr<AttestedChannel> server_;
  std::optional<HttpStream> up_;
  std::string where_;
  bool half_ = false;  // the client got the beginning of something
  bool used_ = false;  // the connection to the server carried a request before this one
};

void serve_one(const Proxy& proxy, OwnedFd fd) {
  bound_silence(fd.get());
  One one(proxy, std::move(fd));
  Status done = one.run();
  one.part();
  if (!done) std::fprintf(stderr, "dropped   %s\n", done.error().what.c_str());
}

Result<std::string> pseudonym() {
  std::array<std::uint8_t, 8> random{};
  if (RAND_bytes_ex(private_libctx(), random.data(), random.size(), 0) != 1)
    return Error{Errc::io, "OpenSSL gives no random bytes"};
  return "attestctl-" + to_hex(random);
}

Result<Exit> run(const Session& session, const ProxyOptions& options) {
  TRY(Endpoint endpoint, make_endpoint(session, options.endpoint, false));
  TRY(std::string via, pseudonym());
  Proxy proxy{session, endpoint, std::move(via)};
  return listen_and_serve(options.address, options.count, [&](OwnedFd fd) { serve_one(proxy, std::move(fd)); });
}

}  // namespace

void add_proxy(CLI::App& app_, Session& session) {
  auto options = std::make_shared<ProxyOptions>();
  CLI::App* app = command(app_, session, "proxy", "HTTP forward proxy whose connections to servers are attested",
                          [options](Session& s) { return run(s, *options); });
  app->add_option("address", options->address, "HOST:PORT to listen at, in plain: keep it to this machine")->required();
  app->add_option("--count", options->count, "end after so many connections (0: never)");
  app->add_option("--name", options->endpoint.name, "name in every server's certificate (default: the host asked for)");
  add_endpoint_options(*app, options->endpoint);
  app->get_option("--ca")->required();
}

}  // namespace attest::ctl
