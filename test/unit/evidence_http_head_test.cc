// HTTP heads: what is read and written, and what two programs could read in two ways.
#include <gtest/gtest.h>

#include "evidence/http/head.h"
#include "evidence/http/message.h"

namespace attest::http {
namespace {

Result<Head> request(const std::string& text) { return parse_request(as_view(text)); }
Result<Head> response(const std::string& text) { return parse_response(as_view(text)); }

TEST(HttpHead, RequestsAreReadAndWritten) {
  const std::string text = "POST /a?b HTTP/1.1\r\nHost: a.example\r\nX-Empty:\r\n\r\n";
  EXPECT_EQ(head_size(as_view(text + "body")), text.size());
  EXPECT_FALSE(head_size(as_view("GET / HTTP/1.1\r\nHost: a\r\n")));
  auto head = request(text);
  ASSERT_TRUE(head) << head.error().what;
  EXPECT_EQ(head->method, "POST");
  EXPECT_EQ(head->target, "/a?b");
  ASSERT_NE(head->find("hOST"), nullptr);
  EXPECT_EQ(*head->find("host"), "a.example");
  EXPECT_EQ(write_request(*head), "POST /a?b HTTP/1.1\r\nHost: a.example\r\nX-Empty: \r\n\r\n");
}

TEST(HttpHead, ResponsesAreReadAndWritten) {
  auto head = response("HTTP/1.0 404 Not Found\r\nConnection: close\r\n\r\n");
  ASSERT_TRUE(head) << head.error().what;
  EXPECT_EQ(head->status, 404);
  EXPECT_EQ(head->minor, 0);
  EXPECT_EQ(write_response(*head), "HTTP/1.0 404 Not Found\r\nConnection: close\r\n\r\n");
}

TEST(HttpHead, WhatCouldBeReadInTwoWaysIsRefused) {
  for (const char* text : {
           "GET / HTTP/1.1\r\nA: b\r\n c\r\n\r\n",         // folded
           "GET / HTTP/1.1\r\nA : b\r\n\r\n",              // space before the colon
           "GET / HTTP/1.1\nA: b\r\n\r\n",                 // bare line feed
           "GET / HTTP/1.1\r\nA: b\nc: d\r\n\r\n",         // the same in a value
           "GET / HTTP/1.1\r\nA: b\r\n",                   // no end
           "GET / HTTP/1.1\r\n\r\nA: b\r\n\r\n",           // two ends
           "GET  / HTTP/1.1\r\n\r\n", "GET / HTTP/2.0\r\n\r\n", "GET /\r\n\r\n", "G(T / HTTP/1.1\r\n\r\n",
           "GET /\x01 HTTP/1.1\r\n\r\n", "GET / HTTP/1.1\r\nno colon\r\n\r\n", "\r\n\r\n",
       })
    EXPECT_FALSE(request(text)) << text;
  EXPECT_FALSE(request(std::string("GET / HTTP/1.1\r\nA: b\0c\r\n\r\n", 26)));
  EXPECT_FALSE(response("HTTP/1.1 20 OK\r\n\r\n"));
  EXPECT_FALSE(response("HTTP/1.1 2000 OK\r\n\r\n"));
}

TEST(HttpHead, SizesAndCountsAreBounded) {
  std::string many = "GET / HTTP/1.1\r\n";
  for (std::size_t i = 0; i < kMaxFields; i++) many += "A: b\r\n";
  EXPECT_TRUE(request(many + "\r\n"));
  EXPECT_FALSE(request(many + "A: b\r\n\r\n"));
  EXPECT_FALSE(request("GET / HTTP/1.1\r\nA: " + std::string(kMaxHead, 'b') + "\r\n\r\n"));
}

Result<Body> body_with(const std::string& fields, const char* version = "1.1") {
  auto head = request(std::string("POST / HTTP/") + version + "\r\n" + fields + "\r\n");
  if (!head) return head.error();
  return request_body(*head);
}

TEST(HttpHead, EveryBodyHasOneEnd) {
  EXPECT_EQ(body_with("")->kind, Body::Kind::none);
  EXPECT_EQ(body_with("Content-Length: 5\r\n")->length, 5U);
  EXPECT_EQ(body_with("Content-Length: 5\r\nContent-Length: 5\r\n")->length, 5U);
  EXPECT_EQ(body_with("transfer-encoding: Chunked\r\n")->kind, Body::Kind::chunked);
  for (const char* fields : {"Content-Length: 5\r\nContent-Length: 6\r\n", "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n",
                             "Content-Length: +5\r\n", "Content-Length: 5, 5\r\n", "Content-Length: \r\n",
                             "Content-Length: 99999999999999999999\r\n", "Transfer-Encoding: gzip, chunked\r\n",
                             "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n", "Transfer-Encoding: xchunked\r\n"})
    EXPECT_FALSE(body_with(fields)) << fields;
  EXPECT_FALSE(body_with("Transfer-Encoding: chunked\r\n", "1.0"));
  auto ok = response("HTTP/1.1 200 OK\r\n\r\n");
  EXPECT_EQ(response_body(*ok, "GET")->kind, Body::Kind::until_close);
  EXPECT_EQ(response_body(*ok, "HEAD")->kind, Body::Kind::none);
  EXPECT_EQ(response_body(*response("HTTP/1.1 204 \r\n\r\n"), "GET")->kind, Body::Kind::none);
}

TEST(HttpHead, SizesOfChunks) {
  EXPECT_EQ(*parse_chunk_size("1aF;name=value"), 0x1afU);
  EXPECT_EQ(*parse_chunk_size("0"), 0U);
  for (const char* line : {"", "-1", "0x5", "g", "1 2", "ffffffffffffffffff"}) EXPECT_FALSE(parse_chunk_size(line)) << line;
}

// The content of a chunked body that comes `step` bytes at a time and what is behind it; "-" for one that is none, "…" at the end
// of one that is not whole.
std::string dechunked(std::string_view text, std::size_t step) {
  Chunks chunks;
  std::string out;
  while (!text.empty() && !chunks.whole()) {
    std::string_view more = text.substr(0, step), rest = more;
    auto piece = chunks.next(rest);
    if (!piece) return "-";
    out += *piece;
    text.remove_prefix(more.size() - rest.size());
  }
  return out + (chunks.whole() ? "|" + std::string(text) : "…");
}

TEST(HttpHead, ChunkedBodies) {
  std::string trailers, many = "0\r\n";
  for (int i = 0; i < 64; i++) trailers += "a: b\r\n";
  many += trailers + "a: b\r\n\r\n";
  for (std::size_t step : {1U, 2U, 3U, 7U, 100000U}) {
    EXPECT_EQ(dechunked("3\r\nabc\r\n2;x\r\nde\r\n0\r\n\r\nHTTP", step), "abcde|HTTP");
    EXPECT_EQ(dechunked("0\r\n" + trailers + "\r\n", step), "|");
    EXPECT_EQ(dechunked("A\r\n0123", step), "0123…");
    EXPECT_EQ(dechunked("1\r\na\r\n0\r\n", step), "a…");
    for (const std::string& bad : {std::string("3\r\nabcd\r\n"), std::string("3\nabc\r\n"), std::string("x\r\n"), many, "1;" + std::string(5000, 'x')})
      EXPECT_EQ(dechunked(bad, step), "-") << bad.substr(0, 20);
  }
}

TEST(HttpHead, Targets) {
  auto target = parse_authority("[::1]:8080", "");
  ASSERT_TRUE(target);
  EXPECT_EQ(target->host, "::1");
  EXPECT_EQ(target->port, "8080");
  EXPECT_EQ(parse_authority("a.example", "443")->port, "443");
  auto url = parse_url("http://a.example:81?x#y");
  ASSERT_TRUE(url);
  EXPECT_EQ(url->path, "/?x");
  EXPECT_EQ(parse_url("https://a.example")->port, "443");
  for (const char* text : {"a.example", "a.example:", "a.example:0", "a.example:65536", ":80", "a b:80", "[::1:80", "user@a:80"})
    EXPECT_FALSE(parse_authority(text, "")) << text;
  for (const char* text : {"ftp://a/", "/path", "http://", "http://user@a/", "http://a:x/"}) EXPECT_FALSE(parse_url(text)) << text;
}

TEST(HttpHead, UrlsWithoutTheirParts) {
  for (const char* text : {"", "http", "https", "http:", "http:/", "http://", "https://", "http:///a", "://a", "ftp://a"})
    EXPECT_FALSE(read_url(text)) << text;
  EXPECT_EQ(read_url("HTTPS://a")->authority(), "a");
}

TEST(HttpHead, WhatIsMeantForTheNextHopStaysThere) {
  auto head = request("GET / HTTP/1.1\r\nHost: a\r\nConnection: close, X-Private\r\nX-Private: 1\r\nKeep-Alive: 5\r\nTE: trailers\r\n"
                      "Proxy-Authorization: secret\r\nUpgrade: h2c\r\nVia: 1.1 a, 1.0 b\r\nAccept: c\r\n\r\n");
  ASSERT_TRUE(head);
  EXPECT_TRUE(head->lists("Via", "1.0 B"));
  EXPECT_FALSE(head->lists("Via", "b"));
  remove_hop_by_hop(*head);
  EXPECT_EQ(write_request(*head), "GET / HTTP/1.1\r\nHost: a\r\nVia: 1.1 a, 1.0 b\r\nAccept: c\r\n\r\n");
  auto sly = request("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nConnection: content-length, host\r\n\r\n");
  ASSERT_TRUE(sly);
  remove_hop_by_hop(*sly);
  EXPECT_NE(sly->find("Content-Length"), nullptr) << "framing is not the sender's to hide";
}

}  // namespace
}  // namespace attest::http
