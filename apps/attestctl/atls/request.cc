// attestctl request: attested HTTP, as a client. Requests to one server share a connection.
#include <csignal>
#include <cstdio>
#include <fcntl.h>

#include "apps/attestctl/atls/http_stream.h"
#include "apps/attestctl/commands.h"
#include "evidence/core/printable.h"

namespace attest::ctl {
namespace {

struct RequestOptions {
  EndpointOptions endpoint;
  std::vector<std::string> urls, headers;
  std::string method, data;
};

// Source is the body to send: a text, a file or stdin, never in memory as a whole.
struct Source {
  std::string text;
  OwnedFd file;
  int fd = -1;  // of file, or 0 for stdin
  bool any() const { return fd >= 0 || !text.empty(); }
};

Result<Source> open_source(const std::string& data) {
  Source out;
  if (data == "@-") {
    out.fd = 0;
  } else if (data.starts_with('@')) {
    out.file = OwnedFd(::open(data.c_str() + 1, O_RDONLY | O_CLOEXEC));
    if (!out.file) return Error{Errc::io, data.substr(1) + ": cannot be read"};
    out.fd = out.file.get();
  } else {
    out.text = data;
  }
  return out;
}

Result<http::Head> head_of(const RequestOptions& options, const http::Target& target, const Source& source) {
  http::Head out;
  out.method = !options.method.empty() ? options.method : source.any() ? "POST" : "GET";
  out.target = target.path;
  out.set("Host", target.host.find(':') == std::string::npos ? target.host + ":" + target.port
                                                             : "[" + target.host + "]:" + target.port);
  out.set("User-Agent", "attestctl/" ATTEST_VERSION);
  if (source.fd >= 0)
    out.set("Transfer-Encoding", "chunked");
  else if (source.any())
    out.set("Content-Length", std::to_string(source.text.size()));
  for (const std::string& header : options.headers) {
    std::size_t colon = header.find(':');
    if (colon == std::string::npos) return Error{Errc::malformed, "--header \"" + printable(header) + "\" is not NAME: VALUE"};
    std::size_t value = header.find_first_not_of(" \t", colon + 1);
    out.fields.push_back({header.substr(0, colon), value == std::string::npos ? "" : header.substr(value)});
  }
  // What goes out must be one head, whatever the options hold.
  TRY(http::Head head, http::parse_request(as_view(http::write_request(out))));
  TRY(http::Body body, http::request_body(head));
  if (source.fd < 0 && (body.kind == http::Body::Kind::chunked || body.length != source.text.size()))
    return Error{Errc::malformed, "--header: Content-Length or Transfer-Encoding does not fit the body"};
  return head;
}

Status send(AttestedChannel& channel, HttpStream& stream, const http::Head& head, const Source& source) {
  CHECK_OK(stream.write(http::write_request(head)));
  TRY(http::Body body, http::request_body(head));
  if (source.fd < 0) return stream.write(source.text);
  for (Bytes buffer(16 << 10);;) {
    CHECK_OK(channel.attend(source.fd));
    ssize_t size = ::read(source.fd, buffer.data(), buffer.size());
    if (size < 0) return Error{Errc::io, "the body cannot be read"};
    if (size == 0) return stream.end_body(body);
    CHECK_OK(stream.write_piece(body, View(buffer).first(static_cast<std::size_t>(size))));
  }
}

// Client keeps the connection to the server of the last request.
struct Client {
  const Session& session;
  const Endpoint& endpoint;
  std::string where;
  std::unique_ptr<AttestedChannel> channel;
  std::optional<HttpStream> stream;
  bool refused = false;

  void hang_up() {
    stream.reset();
    channel.reset();
  }
  Status go_to(const http::Target& target) {
    std::string there = target.host + " " + target.port;
    if (channel && there == where && !channel->over()) return ok();
    hang_up();
    atls::Outcome outcome;
    auto dialled = AttestedChannel::dial(endpoint, target, &outcome);
    if (dialled || outcome.failure) show_outcome(session, target.host + ":" + target.port, outcome);
    refused = outcome.failure && outcome.failure->code != Errc::io;
    if (!dialled) return dialled.error();
    channel = *std::move(dialled);
    stream.emplace(*channel);
    where = there;
    return ok();
  }
};

// one makes one request; the answer's body goes to stdout as it comes.
Result<int> one(Client& client, const RequestOptions& options, const std::string& url) {
  TRY(http::Target target, http::parse_url(url));
  TRY(Source source, open_source(options.data));
  TRY(http::Head head, head_of(options, target, source));
  CHECK_OK(client.go_to(target));
  Status sent = send(*client.channel, *client.stream, head, source);
  bool cut = !sent && client.stream->deaf() && !dropped(sent.error());  // a server may answer early and hang up
  if (!sent && !cut) return sent.error();
  auto came = client.stream->response();
  if (!came) return cut ? sent.error() : came.error();
  http::Head answer = *std::move(came);
  TRY(http::Body body, http::response_body(answer, head.method));
  if (client.session.verbose) std::fputs(http::write_response(answer).c_str(), stderr);
  CHECK_OK(client.stream->body(body, [](View piece) {
    bool written = std::fwrite(piece.data(), 1, piece.size(), stdout) == piece.size();
    return written ? ok() : Status(Error{Errc::io, "stdout takes no more"});
  }));
  std::fflush(stdout);
  if (cut || body.kind == http::Body::Kind::until_close || answer.lists("Connection", "close") || answer.minor == 0)
    client.hang_up();
  return answer.status;
}

Result<Exit> run(const Session& session, const RequestOptions& options) {
  ::signal(SIGPIPE, SIG_IGN);
  TRY(Endpoint endpoint, make_endpoint(session, options.endpoint, false));
  Client client{session, endpoint, {}, nullptr, {}, false};
  Exit exit = Exit::accepted;
  for (const std::string& url : options.urls) {
    auto status = one(client, options, url);
    if (!status && client.refused) return Exit::refused;
    if (!status && client.channel && dropped(status.error())) {
      std::fprintf(stderr, "dropped   %s   %s\n", client.where.c_str(), status.error().what.c_str());
      return Exit::refused;
    }
    if (!status) return status.error();
    if (*status >= 400) {
      std::fprintf(stderr, "%s: status %d\n", url.c_str(), *status);
      exit = Exit::cannot_tell;
    }
  }
  return exit;
}

}  // namespace

void add_request(CLI::App& app_, Session& session) {
  auto options = std::make_shared<RequestOptions>();
  CLI::App* app = command(app_, session, "request", "HTTP over attested TLS",
                          [options](Session& s) { return run(s, *options); });
  app->add_option("url", options->urls, "https://HOST[:PORT]/PATH; several to one server share a connection")->required();
  app->add_option("-X,--method", options->method, "GET, or POST with a body, unless given");
  app->add_option("-H,--header", options->headers, "NAME: VALUE, again and again");
  app->add_option("-d,--data", options->data, "the body: a text, @FILE or @- for stdin (both streamed)");
  app->add_option("--name", options->endpoint.name, "name in the server's certificate (default: the host)");
  add_endpoint_options(*app, options->endpoint);
  app->get_option("--ca")->required();
}

}  // namespace attest::ctl
