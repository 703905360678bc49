#include "test/support/peer_daemon.h"

#include <fcntl.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <atomic>
#include <fstream>
#include <sstream>
#include <thread>

#include "evidence/core/owned.h"

namespace attest::test {
namespace {

bool read_all(int fd, std::span<std::uint8_t> out) {
  while (!out.empty()) {
    ssize_t n = ::read(fd, out.data(), out.size());
    if (n <= 0) return false;
    out = out.subspan(static_cast<std::size_t>(n));
  }
  return true;
}

void write_all(int fd, View bytes) {
  while (!bytes.empty()) {
    ssize_t n = ::send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (n <= 0) return;
    bytes = bytes.subspan(static_cast<std::size_t>(n));
  }
}

OwnedX509 read_cert(const std::string& path) {
  OwnedBio in(BIO_new_file(path.c_str(), "r"));
  return OwnedX509(in ? PEM_read_bio_X509(in.get(), nullptr, nullptr, nullptr) : nullptr);
}

OwnedPkey read_key(const std::string& path) {
  OwnedBio in(BIO_new_file(path.c_str(), "r"));
  return OwnedPkey(in ? PEM_read_bio_PrivateKey(in.get(), nullptr, nullptr, nullptr) : nullptr);
}

template <class T>
Bytes der_of(T* object, int (*encode)(const T*, unsigned char**)) {
  unsigned char* der = nullptr;
  int size = object == nullptr ? 0 : encode(object, &der);
  Bytes bytes(der, der + std::max(0, size));
  OPENSSL_free(der);
  return bytes;
}

// Session serves one connection.
class Session {
 public:
  Session(int fd, const PeerScript& script, std::string log, std::atomic<unsigned>& attested)
      : fd_(fd), script_(script), log_(std::move(log)), attested_(attested) {}
  void serve() {
    std::array<std::uint8_t, kFrameHeader> head{};
    while (read_all(fd_, head)) {
      auto header = parse_frame_header(head);
      if (!header) break;
      Bytes payload(header->length);
      if (!read_all(fd_, payload)) break;
      auto type = static_cast<FrameType>(header->type);
      auto answer = answer_to(type, payload);
      Bytes frame =
          answer
              ? *encode_frame(type, *answer)
              : *encode_frame(FrameType::error,
                              *encode_error_answer({answer.error().code, "fake.error", answer.error().what}));
      if (!deliver(type, frame)) break;
    }
    ::close(fd_);
  }

 private:
  bool deliver(FrameType type, View frame) {
    if (script_.trouble == PeerScript::Trouble::none || type != script_.trouble_at) {
      write_all(fd_, frame);
      return true;
    }
    if (script_.trouble == PeerScript::Trouble::stall) ::sleep(20);
    if (script_.trouble == PeerScript::Trouble::cut) write_all(fd_, frame.first(frame.size() / 2));
    return false;
  }
  Result<Bytes> answer_to(FrameType type, View payload) {
    switch (type) {
      case FrameType::begin:
        return begin(payload);
      case FrameType::attest:
        return attest(payload);
      case FrameType::judge:
        return judge(payload);
      case FrameType::machine_cert:
        return machine_cert();
      case FrameType::key:
        return key();
      case FrameType::sign:
        return sign(payload);
      default:
        return Error{Errc::unsupported, "not in the fake daemon"};
    }
  }
  void note(const std::string& text) const {
    std::string line = text + "\n";
    int fd = ::open(log_.c_str(), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0666);
    if (::write(fd, line.data(), line.size()) < 0) ::perror("fake daemon log");
    ::close(fd);
  }
  Result<Bytes> begin(View payload) {
    TRY(BeginCall call, decode_begin_call(payload));
    note(std::string("begin ") + role_name(call.our_role) +
         (call.mode == Mode::require ? " require" : " prefer") + " peer=" + call.peer +
         " policy=" + call.policy);
    std::uint8_t flags = RequestHeader::kCanAttest;
    if (call.mode == Mode::require) flags |= RequestHeader::kRequires;
    if (script_.request_flags != 0xff) flags = script_.request_flags;
    Bytes request = {RequestHeader::kVersion, flags};
    request.resize(34);
    RAND_bytes(request.data() + 2, 32);
    request.push_back(0xa0);  // parameters the module does not read
    issued_[++handle_] = request;
    return encode_begin_answer({handle_, request});
  }
  Result<Bytes> evidence_of(const BinderInputs& inputs) const {
    TRY(Digest binder, compute_binder(inputs));
    Digest hash = sha256({as_view("fake evidence"), binder.view()});
    Bytes evidence = to_bytes(hash.view());
    evidence.resize(std::max<std::size_t>(script_.evidence_size, 32), 'E');
    return evidence;
  }
  Result<Bytes> attest(View payload) {
    TRY(AttestCall call, decode_attest_call(payload));
    note(std::string("attest ") + role_name(call.inputs.prover) + " room=" + std::to_string(call.room) + " peer=" + call.peer);
    TRY(Bytes evidence, evidence_of(call.inputs));
    unsigned count = ++attested_;
    if (script_.wrong_from != 0 && count >= script_.wrong_from) evidence[0] ^= 1;
    return encode_attest_answer({std::move(evidence)});
  }
  JudgeAnswer verdict(const JudgeCall& call) {
    auto found = issued_.find(call.handle);
    bool issued = found != issued_.end() && call.inputs.request == found->second;
    issued_.erase(call.handle);
    if (!issued) return {JudgeOutcome::refused, 5, "nonce.unknown", "a nonce this daemon did not issue here"};
    if (script_.verdict == PeerScript::Verdict::observe)
      return {JudgeOutcome::observed, 6, "observe", "observed only"};
    if (call.evidence.empty())
      return {JudgeOutcome::refused, 7, "peer.silent",
              call.peer + " gave no evidence and policy \"default\" requires it"};
    auto expected = evidence_of(call.inputs);
    if (!expected) return {JudgeOutcome::refused, 8, "binder.bad-inputs", expected.error().what};
    if (script_.verdict == PeerScript::Verdict::refuse)
      return {JudgeOutcome::refused, 9, "pcr.unexpected-event", "boot event 31 is not in the references"};
    bool same = equal(View(*expected).first(32),
                      View(call.evidence).first(std::min<std::size_t>(32, call.evidence.size())));
    bool whole =
        std::all_of(call.evidence.begin() + 32, call.evidence.end(), [](auto b) { return b == 'E'; });
    if (!same || !whole)
      return {JudgeOutcome::refused, 10, "binder.mismatch", "evidence over another handshake"};
    return {JudgeOutcome::accepted, 11, "", ""};
  }
  Result<Bytes> judge(View payload) {
    TRY(JudgeCall call, decode_judge_call(payload));
    JudgeAnswer answer = verdict(call);
    constexpr const char* kOutcomes[] = {"accepted", "refused", "observed"};
    note(std::string("judge ") + role_name(call.inputs.prover) + " " +
         kOutcomes[static_cast<int>(answer.outcome)] + " peer=" + call.peer +
         " x509=" + (call.x509_ok ? "1" : "0") + " evidence=" + std::to_string(call.evidence.size()));
    return encode_judge_answer(answer);
  }
  Result<Bytes> machine_cert() {
    note("machine_cert");
    if (script_.machine_cert.empty()) return encode_machine_cert_answer({});
    OwnedX509 cert = read_cert(script_.machine_cert);
    return encode_machine_cert_answer({{der_of<X509>(cert.get(), i2d_X509)}, "machine"});
  }
  Result<Bytes> key() {
    OwnedPkey key = read_key(script_.machine_key);
    return encode_key_answer({der_of<EVP_PKEY>(key.get(), i2d_PUBKEY), false});
  }
  Result<Bytes> sign(View payload) {
    TRY(SignCall call, decode_sign_call(payload));
    note("sign " + call.key + " scheme=" + std::to_string(call.scheme));
    OwnedPkey key = read_key(script_.machine_key);
    OwnedMdCtx ctx(EVP_MD_CTX_new());
    Bytes signature(256);
    std::size_t size = signature.size();
    if (!key || EVP_DigestSignInit(ctx.get(), nullptr, EVP_sha256(), nullptr, key.get()) != 1 ||
        EVP_DigestSign(ctx.get(), signature.data(), &size, call.content.data(), call.content.size()) != 1)
      return Error{Errc::io, "cannot sign"};
    signature.resize(size);
    return encode_sign_answer({signature});
  }
  int fd_;
  const PeerScript& script_;
  std::string log_;
  std::atomic<unsigned>& attested_;        // calls so far, of all connections
  std::map<std::uint64_t, Bytes> issued_;  // requests by handle; believed once
  std::uint64_t handle_ = 0;
};

[[noreturn]] void serve(int listener, const PeerScript& script, const std::string& log) {
  std::atomic<unsigned> attested{0};
  for (;;) {
    int fd = ::accept4(listener, nullptr, nullptr, SOCK_CLOEXEC);
    if (fd < 0) std::_Exit(1);
    std::thread([fd, &script, log, &attested] { Session(fd, script, log, attested).serve(); }).detach();
  }
}

int listen_at(const std::string& socket) {
  int fd = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  socket.copy(address.sun_path, sizeof address.sun_path - 1);
  ::unlink(socket.c_str());
  if (::bind(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0 || ::listen(fd, 512) != 0)
    return -1;
  return fd;
}

}  // namespace

PeerDaemon::PeerDaemon(const std::string& socket, PeerScript script) : log_(socket + ".calls") {
  std::ofstream(log_).flush();
  ::chmod(log_.c_str(), 0666);  // a daemon of another user writes it
  int listener = -1;
  // SO_PEERCRED names whoever called listen(): the child must, where it changes its user.
  if (script.run_as_uid == 0) listener = listen_at(socket);
  process_ = std::make_unique<Forked>("/dev/null", [&](Report&) {
    if (script.run_as_uid != 0) {
      if (::setuid(script.run_as_uid) != 0) std::_Exit(1);
      listener = listen_at(socket);
    }
    serve(listener, script, log_);
  });
  if (listener >= 0) ::close(listener);
  for (int i = 0; i < 200 && ::access(socket.c_str(), F_OK) != 0; i++) ::usleep(10000);
}

std::string PeerDaemon::calls() const {
  std::ifstream in(log_);
  std::ostringstream text;
  text << in.rdbuf();
  return text.str();
}

}  // namespace attest::test
