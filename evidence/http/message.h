// message.h: HTTP/1.1 as a client of ours needs it beside heads (head.h): URLs, requests, chunked bodies.
#pragma once
#include <string>
#include <vector>

#include "evidence/core/bytes.h"

namespace attest::http {

// Url is an http or https address. path begins with '/' and holds the query too.
struct Url {
  bool tls = false;
  std::string host;  // without the brackets of an IPv6 address
  std::string port;
  std::string path;
  bool local() const;             // the host is an address of this machine itself
  std::string authority() const;  // as the Host header has it
};

// read_url takes http://HOST[:PORT][/PATH], https alike, at most 2,048 printable characters. No user names, no fragments.
// malformed otherwise.
Result<Url> read_url(std::string_view text);

// join puts a relative reference behind a folder's URL: "NAME" or "NAME/", one part of a path, already in the form of URLs.
// denied for anything that leads elsewhere: "..", a slash within, a scheme, a query.
Result<Url> join(const Url& folder, std::string_view name);

struct Request {
  std::string method = "GET";
  std::string content_type;  // empty: no body
  std::string authorization;  // value of the header; empty: none
  std::string body;
};
// encode_request is a whole request; its connection is closed after the answer.
std::string encode_request(const Url& url, const Request& request);

// Chunks takes a chunked body apart as it comes: chunks of any size, lines of at most 4 KiB, 64 trailers, which are passed over.
class Chunks {
 public:
  // next takes bytes from the front of `more` until it has a piece of the content, which it lends from there; empty when
  // more is used up or the body is whole. What is behind the body stays in more. malformed if the bytes are no chunks.
  Result<std::string_view> next(std::string_view& more);
  bool whole() const { return state_ == State::done; }

 private:
  enum class State : std::uint8_t { size, content, end_of_content, trailer, done };
  Status line(std::string_view text);
  State state_ = State::size;
  std::uint64_t left_ = 0;  // of the chunk
  std::size_t trailers_ = 0;
  std::string pending_;  // the beginning of a line
};

}  // namespace attest::http
