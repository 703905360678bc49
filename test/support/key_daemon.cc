#include "test/support/key_daemon.h"

#include <gtest/gtest.h>
#include <openssl/rsa.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstdlib>

#include "evidence/core/crypto.h"
#include "evidence/native/certificate_verify.h"

namespace attest::test {
namespace {

bool read_all(int fd, std::span<std::uint8_t> out) {
  for (std::size_t done = 0; done < out.size();) {
    ssize_t n = ::recv(fd, out.data() + done, out.size() - done, 0);
    if (n <= 0) return false;
    done += static_cast<std::size_t>(n);
  }
  return true;
}

Result<Bytes> frame_of(FrameType type, Result<Bytes> answer) {
  if (answer) return encode_frame(type, *answer);
  const std::string& what = answer.error().what;
  std::size_t colon = std::min(what.find(": "), what.size());
  ErrorAnswer refusal{answer.error().code, what.substr(0, colon),
                      what.substr(std::min(colon + 2, what.size()))};
  TRY(Bytes payload, encode_error_answer(refusal));
  return encode_frame(FrameType::error, payload);
}

}  // namespace

FrameServer::FrameServer(Handler handler) : handler_(std::move(handler)) { start(); }
FrameServer::~FrameServer() { stop(); }

void FrameServer::start() {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::string path = socket();
  ASSERT_LT(path.size(), sizeof address.sun_path);
  std::memcpy(address.sun_path, path.data(), path.size());
  ::unlink(path.c_str());
  listener_ = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  ASSERT_EQ(::bind(listener_, reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
  ASSERT_EQ(::listen(listener_, 64), 0);
  listen_thread_ = std::thread([this] { listen_loop(); });
}

void FrameServer::stop() {
  if (listener_ < 0) return;
  ::shutdown(listener_, SHUT_RDWR);
  listen_thread_.join();
  ::close(listener_);
  listener_ = -1;
  ::unlink(socket().c_str());
  std::vector<std::thread> servers;
  {
    std::lock_guard lock(mutex_);
    for (int fd : open_) ::shutdown(fd, SHUT_RDWR);
    servers.swap(servers_);
  }
  for (auto& server : servers) server.join();
}

void FrameServer::listen_loop() {
  for (int fd; (fd = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC)) >= 0;) {
    accepted_++;
    std::lock_guard lock(mutex_);
    open_.push_back(fd);
    servers_.emplace_back([this, fd] { serve(fd); });
  }
}

void FrameServer::serve(int fd) {
  for (std::array<std::uint8_t, kFrameHeader> head{}; read_all(fd, head);) {
    auto header = parse_frame_header(head);
    if (!header) break;
    Bytes payload(header->length);
    if (!read_all(fd, payload)) break;
    auto type = static_cast<FrameType>(header->type);
    auto frame = frame_of(type, handler_(type, payload));
    if (!frame ||
        ::send(fd, frame->data(), frame->size(), MSG_NOSIGNAL) != static_cast<ssize_t>(frame->size()))
      break;
  }
  std::lock_guard lock(mutex_);
  std::erase(open_, fd);
  ::close(fd);
}

Bytes spki_of(EVP_PKEY* key) {
  Bytes out(static_cast<std::size_t>(i2d_PUBKEY(key, nullptr)));
  std::uint8_t* at = out.data();
  i2d_PUBKEY(key, &at);
  return out;
}

namespace {

OwnedPkey make_key(const std::string& algorithm) {
  if (!algorithm.starts_with("RSA-"))
    return OwnedPkey(EVP_PKEY_Q_keygen(private_libctx(), nullptr, "EC", algorithm.c_str()));
  return OwnedPkey(EVP_PKEY_Q_keygen(private_libctx(), nullptr, "RSA", std::stoul(algorithm.substr(4))));
}

// nth_key: RSA keys take a second to make, and tests need few distinct ones.
OwnedPkey nth_key(const std::string& algorithm, int n) {
  static std::mutex mutex;
  static std::map<std::pair<std::string, int>, OwnedPkey> made;
  std::lock_guard lock(mutex);
  OwnedPkey& key = made[{algorithm, n}];
  if (!key) key = make_key(algorithm);
  EXPECT_NE(key, nullptr) << algorithm;
  EVP_PKEY_up_ref(key.get());
  return OwnedPkey(key.get());
}

}  // namespace

EVP_PKEY* KeyDaemon::generate(const std::string& name, const std::string& algorithm) {
  std::lock_guard lock(mutex_);
  return (keys_[name] = nth_key(algorithm, made_[algorithm]++)).get();
}

Bytes KeyDaemon::spki_der(const std::string& name) {
  std::lock_guard lock(mutex_);
  return spki_of(keys_.at(name).get());
}

std::vector<SignCall> KeyDaemon::signed_calls() {
  std::lock_guard lock(mutex_);
  return calls_;
}

Result<Bytes> KeyDaemon::answer(FrameType type, View payload) {
  if (type == FrameType::sign) return sign(payload);
  if (type != FrameType::key) return Error{Errc::unsupported, "fake.frame: only key and sign"};
  TRY(KeyCall call, decode_key_call(payload));
  key_calls_++;
  std::lock_guard lock(mutex_);
  if (!keys_.contains(call.key)) return Error{Errc::denied, "key.unknown: no key \"" + call.key + "\""};
  return encode_key_answer({spki_of(keys_[call.key].get()), false});
}

Result<Bytes> KeyDaemon::sign(View payload) {
  TRY(SignCall call, decode_sign_call(payload));
  if (!certificate_verify_signer(call.content))
    return Error{Errc::denied, "sign.content: not a CertificateVerify"};
  std::lock_guard lock(mutex_);
  if (!keys_.contains(call.key)) return Error{Errc::denied, "key.unknown: no key \"" + call.key + "\""};
  EVP_PKEY* key = keys_[call.key].get();
  if (!call.spki_sha256.empty() && !equal(call.spki_sha256, sha256(spki_of(key)).view()))
    return Error{Errc::mismatch, "key.changed: another key \"" + call.key + "\""};
  const std::map<int, const char*> digests{
      {0x0403, "SHA256"}, {0x0503, "SHA384"}, {0x0804, "SHA256"}, {0x0805, "SHA384"}, {0x0806, "SHA512"}};
  if (!digests.contains(call.scheme)) return Error{Errc::unsupported, "sign.scheme: not offered"};
  calls_.push_back(call);
  OwnedMdCtx ctx(EVP_MD_CTX_new());
  EVP_PKEY_CTX* settings = nullptr;
  Bytes signature(512);
  std::size_t size = signature.size();
  if (EVP_DigestSignInit_ex(ctx.get(), &settings, digests.at(call.scheme), private_libctx(), nullptr, key,
                            nullptr) != 1 ||
      (call.scheme >= 0x0804 && (EVP_PKEY_CTX_set_rsa_padding(settings, RSA_PKCS1_PSS_PADDING) != 1 ||
                                 EVP_PKEY_CTX_set_rsa_pss_saltlen(settings, RSA_PSS_SALTLEN_DIGEST) != 1)) ||
      EVP_DigestSign(ctx.get(), signature.data(), &size, call.content.data(), call.content.size()) != 1)
    return Error{Errc::io, "fake.sign: OpenSSL failed"};
  signature.resize(size);
  return encode_sign_answer({signature});
}

}  // namespace attest::test
