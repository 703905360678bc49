// head.h: heads of HTTP/1.1 messages (RFC 9112), read strictly: what two programs could read in two ways is refused.
#pragma once
#include <optional>

#include "evidence/core/bytes.h"

namespace attest::http {

inline constexpr std::size_t kMaxHead = 64 << 10;
inline constexpr std::size_t kMaxFields = 128;

struct Field {
  std::string name, value;
};

// Head is a request's or a response's first line and its fields.
struct Head {
  std::string method, target;  // of a request
  int status = 0;              // of a response
  std::string reason;
  int minor = 1;               // HTTP/1.0 or 1.1
  std::vector<Field> fields;
  // find is the first field of that name, in any case; nullptr if there is none.
  const std::string* find(std::string_view name) const;
  // lists says whether a comma-separated field holds the token, both in any case.
  bool lists(std::string_view name, std::string_view token) const;
  void set(std::string_view name, std::string_view value);
  void remove(std::string_view name);
};

// head_size: bytes up to and with the empty line; nullopt while it has not come.
std::optional<std::size_t> head_size(View so_far);
// The parsers take exactly one head with its empty line: malformed for bare line feeds, folded lines, names that are no
// tokens, control characters, HTTP/2 and more; denied beyond the bounds.
Result<Head> parse_request(View head);
Result<Head> parse_response(View head);
std::string write_request(const Head& head);
std::string write_response(const Head& head);

// Body is how the end of a message's body is found.
struct Body {
  enum class Kind : std::uint8_t { none, length, chunked, until_close };
  Kind kind = Kind::none;
  std::uint64_t length = 0;
};
// malformed for two lengths that differ, a length beside chunks, and codings other than chunked.
Result<Body> request_body(const Head& head);
// response_body: method is that of the request. 1xx, 204 and 304 and answers to HEAD have none.
Result<Body> response_body(const Head& head, std::string_view method);
// parse_chunk_size reads the line before a chunk (without its line end); extensions are passed over.
Result<std::uint64_t> parse_chunk_size(std::string_view line);

// Target is where a request goes. CONNECT names host and port alone, a proxy's request http://host[:port]/path.
struct Target {
  std::string host;  // without brackets
  std::string port;
  std::string path;  // "/" at least; empty for CONNECT
};
// parse_authority takes HOST:PORT, HOST, [V6]:PORT; malformed otherwise. default_port "" demands one.
Result<Target> parse_authority(std::string_view text, std::string_view default_port);
// parse_url takes http://… and https://… alone, without user names.
Result<Target> parse_url(std::string_view url);

// remove_hop_by_hop removes what is meant for the next hop alone: Connection and all it names, and the like.
void remove_hop_by_hop(Head& head);

}  // namespace attest::http
