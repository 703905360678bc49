#include "test/support/omsp_server.h"

#include <thread>

#include "evidence/cmc/item.h"
#include "test/support/recording.h"
#include "test/support/valid_now.h"

namespace attest::test {
namespace {

constexpr cmc::Field kRequest[] = {{"arVersion", 0}, {"requests", 1}};

TestCert host_certificate(const TestCert& root) {
  CertSpec spec = valid_now("omsp", "serverAuth");
  spec.extensions.emplace_back("subjectAltName", "IP:127.0.0.1");
  return issue(&root, spec);
}

std::vector<std::string> digests_in(const std::string& body) {
  std::vector<std::string> out;
  std::unique_ptr<cmc::Source> in;
  if (body.starts_with('{'))
    in = std::make_unique<cmc::JsonSource>(body);
  else
    in = std::make_unique<cmc::CborSource>(as_view(body), false);
  in->object(kRequest, [&](std::size_t member) {
    if (member == 0) return void(in->text());
    in->array([&] { out.push_back(in->text()); });
  });
  return out;
}

std::string http_answer(const std::string& status, const std::string& more, std::string_view body) {
  return "HTTP/1.1 " + status + "\r\n" + more + "Content-Length: " + std::to_string(body.size()) + "\r\nConnection: close\r\n\r\n" +
         std::string(body);
}

}  // namespace

cmc::Metadata omsp_answer(const std::string& server, const std::vector<std::string>& digests, UnixTime produced,
                          const std::string& status) {
  cmc::Metadata out;
  out.type = cmc::kOmspResponse;
  out.server = server;
  out.produced_at = format_rfc3339(produced);
  for (const std::string& digest : digests)
    out.responses.push_back({digest, status, format_rfc3339(produced - 60), format_rfc3339(produced + 7 * kDay), "", ""});
  return out;
}

Bytes sign_metadata(const cmc::Metadata& metadata, cmc::Encoding encoding, const TestCert& signer, const TestCert& root) {
  JwsSigner by{signer.key.get(), {signer.der(), root.der()}};
  return must(cmc::sign_item(cmc::encode_metadata(metadata, encoding), {&by, 1}));
}

OmspServer::OmspServer(const TestCert& root, const TestCert& signer, bool tls)
    : root_(root),
      signer_(signer),
      other_root_(make_root("Other Authority")),
      other_signer_(issue(&other_root_, valid_now("Other Signer", "codeSigning"))),
      own_(host_certificate(root)),
      web_(std::make_unique<WebServer>([this](const std::string& request) { return reply_to(request); }, tls ? &own_ : nullptr)) {}

cmc::Metadata OmspServer::answer_to(const std::string& body, Fault fault) const {
  UnixTime produced = wall_clock_now() + ahead_;
  if (fault == Fault::to_come) produced += 7200;
  if (fault == Fault::older) produced -= 7200;
  std::vector<std::string> digests = digests_in(body);
  if (fault == Fault::left_out) digests = {std::string(64, 'a')};
  std::lock_guard lock(mutex_);
  cmc::Metadata out = omsp_answer(fault == Fault::other_server ? url() + "/other" : url(), digests, produced, status_);
  if (fault == Fault::other_type) out.type = cmc::kManifest;
  return out;
}

std::string OmspServer::reply_to(const std::string& request) {
  std::string body = request.substr(request.find("\r\n\r\n") + 4);
  bool json = body.starts_with('{');
  Fault fault = fault_;
  if (fault == Fault::hanging) std::this_thread::sleep_for(std::chrono::seconds(3));
  if (fault == Fault::hanging) return "";
  if (fault == Fault::no_answer) return http_answer("500 Internal Server Error", "", "out of order");
  if (fault == Fault::moved) return http_answer("302 Found", "Location: " + web_->url("/elsewhere") + "\r\n", "");
  if (fault == Fault::too_long) return http_answer("200 OK", "", std::string((1 << 20) + 1, ' '));
  cmc::Metadata metadata = answer_to(body, fault);
  bool other = fault == Fault::other_root;
  const TestCert &signer = other ? other_signer_ : signer_, &root = other ? other_root_ : root_;
  cmc::Encoding encoding = json ? cmc::Encoding::json : cmc::Encoding::cbor;
  Bytes item = sign_metadata(metadata, encoding, signer, root);
  if (fault == Fault::other_form) {
    JwsSigner by{signer.key.get(), {signer.der(), root.der()}};
    item = to_bytes(as_view(must(sign_jws(cmc::encode_metadata(metadata, cmc::Encoding::cbor), {&by, 1}))));
  }
  if (fault == Fault::bent) item[item.size() - 10] = static_cast<std::uint8_t>(item[item.size() - 10] == 'A' ? 'B' : 'A');
  return http_answer("200 OK", std::string("Content-Type: application/") + (json ? "json" : "cbor") + "\r\n", as_text(item));
}

}  // namespace attest::test
