// Publishing: the queue on disk, the form of findings, and delivery to a server of the test's own that fails as servers do.
#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include <atomic>
#include <csignal>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "apps/attestctl/metadata/sources.h"
#include "apps/attestctl/publish/lane.h"
#include "evidence/core/file.h"
#include "evidence/publish/publication.h"
#include "test/support/temp_dir.h"
#include "test/support/test_ca.h"
#include "test/support/web_server.h"

namespace attest::ctl {
namespace {

using namespace attest::test;
using nlohmann::json;
using Texts = std::vector<std::string>;
using Clock = std::chrono::steady_clock;

std::string reply(int status, const std::string& body = "", const std::string& type = "application/json") {
  return "HTTP/1.1 " + std::to_string(status) + " X\r\nContent-Type: " + type + "\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
}
std::string body_of(const std::string& request) { return request.substr(request.find("\r\n\r\n") + 4); }

HttpClient client_of(HttpOptions options = {}) {
  options.deadline = std::chrono::seconds(20);
  auto client = HttpClient::make(std::move(options));
  EXPECT_TRUE(client) << client.error().what;
  return *std::move(client);
}

class Publish : public testing::Test {
 protected:
  std::string path(const std::string& name) const { return (folder_.path() / name).string(); }
  std::string write(const std::string& name, std::string_view text, unsigned mode = 0600) const {
    EXPECT_TRUE(write_file_atomic(path(name), as_view(text), mode));
    return path(name);
  }
  publish::Spool spool(const std::string& name, publish::Spool::Limits limits = {}) const {
    auto out = publish::Spool::open(path("queue/" + name), limits);
    EXPECT_TRUE(out) << out.error().what;
    return *std::move(out);
  }
  Lane lane(const publish::Target& target, const HttpClient& client) const {
    auto out = Lane::make(config_, target, client);
    EXPECT_TRUE(out) << out.error().what;
    return *std::move(out);
  }
  void SetUp() override { config_.queue = path("queue"); }
  TempDir folder_;
  publish::Config config_;
  const Clock::time_point start_ = Clock::now();
};

TEST_F(Publish, TheQueueSurvivesARestartAndForgetsTheOldestFirst) {
  auto first = spool("q", {4, 1 << 20});
  ASSERT_TRUE(first.put({"a", "b"}));
  ASSERT_TRUE(first.put({"c"}));
  auto again = spool("q", {4, 1 << 20});
  EXPECT_EQ(again.waiting(), 2u);
  auto oldest = again.oldest();
  ASSERT_TRUE(oldest);
  EXPECT_EQ(oldest->texts, (Texts{"a", "b"}));
  ASSERT_TRUE(again.put({"d", "e"})) << "5 texts are one too many";
  EXPECT_EQ(again.lost(), 2u);
  EXPECT_EQ(again.oldest()->texts, Texts{"c"});
  ASSERT_TRUE(again.take(again.oldest()->number));
  EXPECT_EQ(again.oldest()->texts, (Texts{"d", "e"}));
  EXPECT_FALSE(again.put({"1", "2", "3", "4", "5"}));
  EXPECT_FALSE(again.put({}));
  auto small = spool("bytes", {1000, 64});
  ASSERT_TRUE(small.put({std::string(30, 'x')}));
  ASSERT_TRUE(small.put({std::string(40, 'y')}));
  EXPECT_EQ(small.waiting(), 1u);
  EXPECT_FALSE(small.put({std::string(80, 'z')}));
}

TEST_F(Publish, ATornOrForeignFileIsSetAside) {
  auto queue = spool("q");
  ASSERT_TRUE(queue.put({"good"}));
  for (const char* text : {"", "[\"torn", "[]", "{}", "[\"a\"]x", "[\"one\",\"too many\"]", "[1]"}) {
    write("queue/q/00000000000000000000-1.batch", text);
    auto oldest = queue.oldest();
    ASSERT_TRUE(oldest) << text;
    EXPECT_EQ(oldest->texts, Texts{"good"}) << text;
  }
  write("queue/q/notes.txt", "x");
  write("queue/q/7-1.batch", "[\"not named as we name\"]");
  EXPECT_EQ(queue.waiting(), 1u);
}

cmc::AttestationResult failed_result() {
  cmc::AttestationResult result;
  result.prover.hostname = "web<1>";
  result.verifier.hostname = "judge";
  result.created = "2026-11-22T10:00:00Z";
  cmc::MeasurementFinding measurement;
  measurement.type = "TPM Result";
  cmc::DigestFinding good, strange, missing;
  good.success = good.launched = strange.launched = true;
  strange.name = "evil\n\"sh\"";
  strange.description = "/bin/evil";
  strange.index = 10;
  strange.digest = Bytes(48, 0xab);
  strange.hash_alg = "SHA-384";
  missing.type = "TPM";
  measurement.artifacts = {good, strange, missing};
  result.measurements.push_back(measurement);
  result.summary.fail(cmc::kVerifyMeasurement, "an unexpected file");
  return result;
}

TEST_F(Publish, FindingsAreDetectionFindingsOfOcsf) {
  auto findings = publish::detection_findings(failed_result(), 1795341600);
  ASSERT_EQ(findings.size(), 1u);
  json finding = json::parse(findings[0]);
  EXPECT_EQ(finding["class_uid"], 2004);
  EXPECT_EQ(finding["category_uid"], 2);
  EXPECT_EQ(finding["type_uid"], 200401);
  EXPECT_EQ(finding["metadata"]["version"], "1.8.0");
  EXPECT_EQ(finding["time"], 1795341600000);
  EXPECT_EQ(finding["device"]["hostname"], "web<1>");
  json file = finding["evidences"][0]["file"];
  EXPECT_EQ(file["name"], "evil\n\"sh\"");
  EXPECT_EQ(file["path"], "/bin/evil");
  EXPECT_EQ(file["hashes"][0]["algorithm_id"], 9);
  EXPECT_EQ(file["hashes"][0]["value"].get<std::string>(), [] { std::string s; for (int i = 0; i < 48; i++) s += "ab"; return s; }());
  cmc::AttestationResult other = failed_result();
  other.measurements.clear();
  findings = publish::detection_findings(other, 1);
  ASSERT_EQ(findings.size(), 1u);
  EXPECT_EQ(json::parse(findings[0])["finding_info"]["desc"], "an unexpected file");
  EXPECT_TRUE(publish::detection_findings(cmc::AttestationResult{}, 1).empty());
  cmc::AttestationResult nameless = other;
  nameless.prover.hostname = "";
  EXPECT_EQ(json::parse(publish::detection_findings(nameless, 1).at(0))["device"]["hostname"], "unknown") << "a report nobody could read";
  EXPECT_EQ(json::parse(publish::network_event(nameless))["prover"], "unknown");
  EXPECT_EQ(json::parse(publish::network_event(other)),
            json::parse(R"({"verifier":"judge","prover":"web<1>","status":"fail","time":"2026-11-22T10:00:00Z"})"));
  other = failed_result();
  other.measurements[0].artifacts.assign(5000, other.measurements[0].artifacts[1]);
  EXPECT_EQ(publish::detection_findings(other, 1).size(), publish::kMaxFindings);
}

// A server that is down, then overloaded, then well: nothing is lost, nothing comes twice, order stays; across a restart.
TEST_F(Publish, FailuresAreTriedAgainInOrderAndAcrossARestart) {
  std::atomic<int> seen = 0;
  WebServer server([&](const std::string&) { return ++seen == 2 ? reply(503) : seen == 3 ? std::string() : reply(201); });
  config_.token = write("token", "s3cret\n");
  ASSERT_TRUE(spool("results").put({"{\"n\":1}", "{\"n\":2}"}));
  ASSERT_TRUE(spool("results").put({"{\"n\":3}"}));
  HttpClient client = client_of();
  publish::Target target{"results", server.url("/results")};
  {
    Lane one = lane(target, client);
    one.drain(1, start_);  // delivers 1
    EXPECT_EQ(one.delivered(), 1u);
    one.drain(9, start_);  // 503
    EXPECT_FALSE(one.empty());
    EXPECT_NE(one.problem().find("503"), std::string::npos);
    EXPECT_FALSE(one.due(start_));
    EXPECT_TRUE(one.due(start_ + std::chrono::seconds(2)));
    one.drain(9, start_ + std::chrono::seconds(2));  // no answer at all
    EXPECT_FALSE(one.due(start_ + std::chrono::seconds(3))) << "twice as long";
    EXPECT_EQ(one.problem().find("s3cret"), std::string::npos);
    one.drain(9, start_ + std::chrono::seconds(9));
    EXPECT_TRUE(one.empty());
    EXPECT_EQ(one.delivered(), 3u);
    EXPECT_EQ(one.problem(), "");
  }
  Texts bodies;
  for (const std::string& request : server.requests()) bodies.push_back(body_of(request));
  EXPECT_EQ(bodies, (Texts{"{\"n\":1}", "{\"n\":2}", "{\"n\":2}", "{\"n\":2}", "{\"n\":3}"}));
  EXPECT_NE(server.requests()[0].find("POST /results HTTP/1.1\r\n"), std::string::npos);
  EXPECT_NE(server.requests()[0].find("\r\nAuthorization: Bearer s3cret\r\n"), std::string::npos);

  ASSERT_TRUE(spool("results").put({"{\"n\":4}"}));
  Lane after = lane(target, client);  // as after a restart
  after.drain(9, start_);
  EXPECT_TRUE(after.empty());
  EXPECT_EQ(body_of(server.requests().back()), "{\"n\":4}");
}

TEST_F(Publish, WhatAServerWillNeverTakeDoesNotBlockTheRest) {
  WebServer server([&](const std::string& request) { return reply(body_of(request) == "bad" ? 422 : 200); });
  ASSERT_TRUE(spool("ocsf").put({"bad", "good"}));
  HttpClient client = client_of();
  Lane one = lane({"ocsf", server.url("/o")}, client);
  one.drain(9, start_);
  EXPECT_TRUE(one.empty());
  EXPECT_EQ(one.refused(), 1u);
  EXPECT_EQ(one.delivered(), 1u);
  for (int later : {401, 403, 404, 408, 429, 500, 503, 302, 100}) EXPECT_EQ(fate_of(later), Fate::later) << later;
  for (int never : {400, 405, 409, 413, 422}) EXPECT_EQ(fate_of(never), Fate::refused) << never;
}

TEST_F(Publish, TheFileTargetAppendsAndIsNoLink) {
  ASSERT_TRUE(spool("file").put({"1", "2"}));
  HttpClient client = client_of();
  Lane one = lane({"file", path("out.jsonl")}, client);
  one.drain(9, start_);
  EXPECT_EQ(as_text(*read_file(path("out.jsonl"), 100)), "1\n2\n");
  std::filesystem::create_symlink(path("out.jsonl"), path("link"));
  EXPECT_FALSE(append_line(path("link"), "x"));
}

TEST_F(Publish, AFullDiskLeavesNoHalfLine) {
  ASSERT_TRUE(append_line(path("out.jsonl"), "1"));
  rlimit before{};
  ASSERT_EQ(::getrlimit(RLIMIT_FSIZE, &before), 0);
  auto handler = ::signal(SIGXFSZ, SIG_IGN);
  rlimit small{5, before.rlim_max};
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &small), 0);
  bool written(append_line(path("out.jsonl"), "longer than that"));
  ::setrlimit(RLIMIT_FSIZE, &before);
  ::signal(SIGXFSZ, handler);
  EXPECT_FALSE(written);
  EXPECT_EQ(as_text(*read_file(path("out.jsonl"), 100)), "1\n");
}

TEST_F(Publish, ATokenThatOthersCanReadIsNotSent) {
  EXPECT_FALSE(read_token(write("open", "t", 0644)));
  EXPECT_FALSE(read_token(write("empty", "\n")));
  EXPECT_FALSE(read_token(write("lines", "a\r\nX-Evil: 1")));
  EXPECT_FALSE(read_token(path("absent")));
  ASSERT_TRUE(read_token(write("good", "abc.def-_=\n")));
  for (const char* text : {R"({"publish":{"token_file":"t","results":"http://collector.example/r"}})", R"({"publish":{"results":"ftp://x/"}})",
                           R"({"publish":{"results":"https://user:pw@x/"}})", R"({"publish":{}})", R"({"publish":{"file":"x","cert":"c"}})"}) {
    auto file = parse_config(text, "cmcd.json");
    ASSERT_TRUE(file) << text;
    publish::read_publish(file->root(), "/s");
    EXPECT_FALSE(file->finish()) << text;
  }
  auto file = parse_config(R"({"publish":{"token_file":"t","results":"http://127.0.0.1:1/r","ocsf":"https://c.example/o"}})", "cmcd.json");
  EXPECT_EQ(publish::read_publish(file->root(), "/s").targets.size(), 2u);
  EXPECT_TRUE(file->finish());
}

TEST_F(Publish, TlsServersAreJudgedAndKnowUsByOurCertificate) {
  UnixTime now = wall_clock_now();
  TestCert root = issue(nullptr, {"root", "P-256", {{"basicConstraints", "critical,CA:TRUE"}}, now - 60, now + kDay});
  TestCert server_cert = issue(&root, {"server", "P-256", {{"subjectAltName", "IP:127.0.0.1"}}, now - 60, now + kDay});
  TestCert other = issue(&root, {"server", "P-256", {{"subjectAltName", "DNS:other.example"}}, now - 60, now + kDay});
  TestCert us = issue(&root, {"us", "P-256", {}, now - 60, now + kDay});
  auto answer = [](const std::string&) { return std::string("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2;x\r\nde\r\n0\r\n\r\n"); };
  HttpOptions options;
  options.roots = {write("root.pem", root.pem())};
  {
    WebServer server(answer, &server_cert);
    auto url = http::read_url(server.url("/x?y=1"));
    auto good = client_of(options).call(*url, {});
    ASSERT_TRUE(good) << good.error().what;
    EXPECT_EQ(good->body, "abcde");
    auto stranger = client_of({{write("us.pem", us.pem())}, "", "", {}, 1000}).call(*url, {});
    ASSERT_FALSE(stranger);
    EXPECT_EQ(stranger.error().code, Errc::untrusted) << stranger.error().what;
    HttpOptions small = options;
    small.max_body = 4;
    EXPECT_FALSE(client_of(small).call(*url, {}));
  }
  {
    WebServer server(answer, &other);
    EXPECT_FALSE(client_of(options).call(*http::read_url(server.url("/")), {})) << "another name";
  }
  WebServer server(answer, &server_cert, &root);
  auto url = http::read_url(server.url("/"));
  EXPECT_FALSE(client_of(options).call(*url, {})) << "without a certificate of ours";
  options.cert = write("us.pem", us.pem());
  options.key = write("us.key", us.key_pem());
  auto known = client_of(options).call(*url, {});
  EXPECT_TRUE(known) << known.error().what;
}

TEST_F(Publish, ASilentServerCostsTheDeadlineAndNoMore) {
  WebServer server([](const std::string&) { return std::string("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nabc"); });
  EXPECT_FALSE(client_of().call(*http::read_url(server.url("/")), {})) << "cut short";
  OwnedFd listener(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in any{};
  any.sin_family = AF_INET;
  any.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof any;
  ASSERT_EQ(bind(listener.get(), reinterpret_cast<sockaddr*>(&any), size), 0);
  ASSERT_EQ(listen(listener.get(), 4), 0);
  ASSERT_EQ(getsockname(listener.get(), reinterpret_cast<sockaddr*>(&any), &size), 0);
  HttpOptions options;
  options.deadline = std::chrono::milliseconds(300);
  auto client = HttpClient::make(options);
  ASSERT_TRUE(client);
  auto silent = client->call(*http::read_url("http://127.0.0.1:" + std::to_string(ntohs(any.sin_port)) + "/"), {});
  ASSERT_FALSE(silent);
  EXPECT_NE(silent.error().what.find("in time"), std::string::npos) << silent.error().what;
}

std::string page(const std::string& anchors) { return reply(200, "<html><pre>" + anchors + "</pre></html>", "text/html; charset=utf-8"); }

TEST_F(Publish, SourcesAreListingsFoldersAndBlobs) {
  WebServer server([&](const std::string& request) {
    if (request.starts_with("GET /m/ ")) return page("<a href=\"../\">../</a><a href=\"a.json\">a</a>\n<a href=\"sub/\">sub/</a><a href=\"/etc/passwd\">p</a>"
                                                     "<a href=\"http://evil.example/x\">e</a><A HREF=\"?C=N\">N</A><a href=\"%2e%2e/x\">u</a>");
    if (request.starts_with("GET /m/sub/ ")) return page("<a href=\"b.cbor\">b</a>");
    if (request.starts_with("GET /m/a.json ")) return reply(200, "{\"a\":1}");
    if (request.starts_with("GET /m/sub/b.cbor ")) return reply(200, "bbb", "application/cbor");
    if (request.starts_with("GET /loop/")) return page("<a href=\"x/\">x/</a>");
    return reply(404);
  });
  HttpClient client = client_of();
  write("blob", std::string("{\"x\":1}\n {\"y\":\"}\"}") + "\xa1\x01\x00" + std::string(300, '\0'));
  std::filesystem::create_directories(path("items"));
  write("items/one", "1");
  Fetched got = fetch({server.url("/m"), "blob://" + path("blob"), "file://" + path("items"), "file://" + path("items/one")}, client);
  EXPECT_EQ(got.problems, Texts{});
  Texts items;
  for (const Bytes& item : got.items) items.emplace_back(as_text(item));
  EXPECT_EQ(items, (Texts{"{\"a\":1}", "bbb", "{\"x\":1}", "{\"y\":\"}\"}", std::string("\xa1\x01\x00", 3), "1", "1"}));
  EXPECT_EQ(server.requests().size(), 4u) << "nothing that leads elsewhere was asked for";

  write("bad", "{\"x\":1} nonsense");
  got = fetch({server.url("/absent/"), server.url("/loop/"), "blob://" + path("bad"), "blob://" + path("none"), "gopher://x/", "file://" + path("none"),
               "http://127.0.0.1:1/", "file://" + path("items/one")}, client);
  EXPECT_EQ(got.problems.size(), 7u);
  EXPECT_EQ(got.good_sources, 1u);
  EXPECT_EQ(got.items.size(), 1u);
  FetchLimits few;
  few.items = 1;
  EXPECT_EQ(fetch({server.url("/m/")}, client, few).problems.size(), 1u);
}

}  // namespace
}  // namespace attest::ctl
