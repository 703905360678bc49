#include "test/support/est_server.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <openssl/pkcs7.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/socket.h>

#include "evidence/core/crypto.h"
#include "evidence/core/hex.h"

namespace attest::test {
namespace {

CertSpec spec_now(const std::string& name) {
  CertSpec spec;
  spec.common_name = name;
  spec.not_before = wall_clock_now() - kDay;
  spec.not_after = wall_clock_now() + 30 * kDay;
  spec.extensions = {{"subjectAltName", "IP:127.0.0.1"}, {"extendedKeyUsage", "serverAuth,clientAuth"}};
  return spec;
}

std::string pkcs7_of(const std::vector<const TestCert*>& certificates) {
  Owned<PKCS7, PKCS7_free> p7(PKCS7_new());
  PKCS7_set_type(p7.get(), NID_pkcs7_signed);
  PKCS7_content_new(p7.get(), NID_pkcs7_data);
  for (const TestCert* cert : certificates) PKCS7_add_certificate(p7.get(), cert->certificate.get());
  unsigned char* der = nullptr;
  int size = i2d_PKCS7(p7.get(), &der);
  std::string text = to_base64({der, static_cast<std::size_t>(size)});
  OPENSSL_free(der);
  for (std::size_t at = 76; at < text.size(); at += 78) text.insert(at, "\r\n");
  return text + "\r\n";
}

std::string common_name_of(const X509_REQ* request) {
  std::array<char, 65> text{};
  X509_NAME_get_text_by_NID(X509_REQ_get_subject_name(request), NID_commonName, text.data(), text.size());
  return text.data();
}

void free_extensions(STACK_OF(X509_EXTENSION) * list) { sk_X509_EXTENSION_pop_free(list, X509_EXTENSION_free); }

// alternative_names_of are a request's as openssl.cnf writes them: "DNS:a,IP:192.0.2.1".
std::string alternative_names_of(X509_REQ* request) {
  Owned<STACK_OF(X509_EXTENSION), free_extensions> extensions(X509_REQ_get_extensions(request));
  Owned<GENERAL_NAMES, GENERAL_NAMES_free> names(
      static_cast<GENERAL_NAMES*>(X509V3_get_d2i(extensions.get(), NID_subject_alt_name, nullptr, nullptr)));
  std::string out;
  for (int i = 0; names && i < sk_GENERAL_NAME_num(names.get()); i++) {
    Owned<BIO, BIO_free_all> bio(BIO_new(BIO_s_mem()));
    GENERAL_NAME_print(bio.get(), sk_GENERAL_NAME_value(names.get(), i));
    char* text = nullptr;
    long size = BIO_get_mem_data(bio.get(), &text);
    std::string name(text, static_cast<std::size_t>(size));
    if (name.starts_with("IP Address:")) name = "IP:" + name.substr(11);
    out += (out.empty() ? "" : ",") + name;
  }
  return out;
}

// parts_of decodes the base64 parts of a multipart body.
std::vector<Bytes> parts_of(const std::string& request) {
  std::vector<Bytes> out;
  std::size_t mark = request.find("boundary=");
  if (mark == std::string::npos) return out;
  std::string boundary = "--" + request.substr(mark + 9, request.find("\r\n", mark) - mark - 9);
  std::size_t at = request.find(boundary, request.find("\r\n\r\n"));
  while (at != std::string::npos && !request.substr(at + boundary.size()).starts_with("--")) {
    std::size_t body = request.find("\r\n\r\n", at) + 4, next = request.find(boundary, body);
    std::string text;
    bool raw = request.substr(at, body - at).find("Content-Type: text/plain") != std::string::npos;
    for (char c : request.substr(body, next - body))
      if (c > ' ') text += c;
    if (raw) {
      out.push_back(to_bytes(as_view(text)));
      at = next;
      continue;
    }
    auto bytes = from_base64(text, 1 << 24);
    out.push_back(bytes ? *bytes : Bytes());
    at = next;
  }
  return out;
}

}  // namespace

EstServer::EstServer(const TestCert& ca) : ca_(ca), own_(issue(&ca, spec_now("127.0.0.1"))) {
  listener_ = OwnedFd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  EXPECT_EQ(::bind(listener_.get(), reinterpret_cast<sockaddr*>(&address), size), 0);
  EXPECT_EQ(::listen(listener_.get(), 8), 0);
  ::getsockname(listener_.get(), reinterpret_cast<sockaddr*>(&address), &size);
  port_ = ntohs(address.sin_port);
  thread_ = std::thread([this] { serve(); });
}

EstServer::~EstServer() {
  stop_ = true;
  thread_.join();
}

void EstServer::serve() {
  sigset_t pipe;  // of clients that have read enough
  sigemptyset(&pipe);
  sigaddset(&pipe, SIGPIPE);
  pthread_sigmask(SIG_BLOCK, &pipe, nullptr);
  while (!stop_) {
    pollfd p{listener_.get(), POLLIN, 0};
    if (::poll(&p, 1, 50) <= 0) continue;
    OwnedFd fd(::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC));
    if (fd) answer(fd.get());
  }
}

void EstServer::answer(int fd) {
  Owned<SSL_CTX, SSL_CTX_free> context(SSL_CTX_new_ex(private_libctx(), nullptr, TLS_server_method()));
  SSL_CTX_use_certificate(context.get(), own_.certificate.get());
  SSL_CTX_use_PrivateKey(context.get(), own_.key.get());
  Owned<SSL, SSL_free> ssl(SSL_new(context.get()));
  SSL_set_fd(ssl.get(), fd);
  if (SSL_accept(ssl.get()) != 1) return;
  std::string request;
  std::size_t want = std::string::npos;
  std::array<char, 16384> buffer{};
  while (request.size() < want) {
    std::size_t n = 0;
    if (SSL_read_ex(ssl.get(), buffer.data(), buffer.size(), &n) != 1) return;
    request.append(buffer.data(), n);
    std::size_t end = request.find("\r\n\r\n"), length = request.find("Content-Length: ");
    if (end == std::string::npos) continue;
    want = end + 4 + (length < end ? std::stoul(request.substr(length + 16)) : 0);
  }
  std::string reply = reply_to(request);
  std::size_t sent = 0;
  SSL_write_ex(ssl.get(), reply.data(), reply.size(), &sent);
  SSL_shutdown(ssl.get());
}

std::string EstServer::reply_to(const std::string& request) {
  {
    std::lock_guard lock(mutex_);
    requests_.push_back(request);
  }
  const std::string head = "HTTP/1.1 200 OK\r\nContent-Type: application/pkcs7-mime\r\n\r\n";
  if (request.starts_with("GET /.well-known/est/cacerts ")) return head + pkcs7_of({&ca_});
  std::vector<Bytes> parts = parts_of(request);
  if (request.starts_with("POST /.well-known/est/tpmactivateenroll ")) return activate(parts);
  if (parts.empty()) return "HTTP/1.1 400 Bad Request\r\n\r\n401: no parts";
  const unsigned char* at = parts[0].data();
  Owned<X509_REQ, X509_REQ_free> csr(d2i_X509_REQ(nullptr, &at, static_cast<long>(parts[0].size())));
  OwnedPkey key(csr ? X509_REQ_get_pubkey(csr.get()) : nullptr);
  if (!key || X509_REQ_verify(csr.get(), key.get()) != 1) return "HTTP/1.1 400 Bad Request\r\n\r\nthe request is not signed by its key";
  std::string certified = certify(csr.get(), std::move(key));
  return certified.empty() ? "HTTP/1.1 400 Bad Request\r\n\r\n401: token expired" : head + certified;
}

// certify issues for the names of the request, as CMC's server does; "": it refuses to.
std::string EstServer::certify(X509_REQ* request, OwnedPkey key) const {
  CertSpec spec = spec_now(common_name_of(request));
  auto spoiled = [&](const char* name) { return obey_ && spec.common_name.starts_with(name); };
  if (spoiled("refused")) return "";
  spec.not_after = wall_clock_now() + (spoiled("short") ? -3600 : life_.load());
  std::string names = alternative_names_of(request);
  if (spoiled("other-names")) names += (names.empty() ? "DNS:" : ",DNS:") + std::string("other.example");
  spec.extensions = {{"extendedKeyUsage", "serverAuth,clientAuth"}};
  if (!names.empty()) spec.extensions.emplace_back("subjectAltName", names);
  if (other_key_ || spoiled("other-key")) key = make_key("P-256");
  TestCert made = issue_for(&ca_, spec, std::move(key));
  return pkcs7_of({&made});
}

std::vector<std::string> EstServer::requests() const {
  std::lock_guard lock(mutex_);
  return requests_;
}

std::vector<Bytes> EstServer::last_parts() const {
  std::lock_guard lock(mutex_);
  for (std::size_t i = requests_.size(); i > 0; i--)
    if (requests_[i - 1].starts_with("POST")) return parts_of(requests_[i - 1]);
  return {};
}

}  // namespace attest::test
