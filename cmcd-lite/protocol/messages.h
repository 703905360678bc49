// messages.h: the calls of the handshake. Each has encode_ (to payload) and decode_ (strict, bounded).
#pragma once
#include "cmcd-lite/protocol/frames.h"
#include "evidence/native/binder.h"

namespace attest {

// Mode is what a role demands of its peer (attest-server, attest-client in openssl.cnf).
enum class Mode : std::uint8_t { off = 0, prefer = 1, require = 2 };

// BeginCall starts one handshake's verification: the daemon issues the nonce it will later believe. The nonce is bound
// to the connection this call came on, single use, and expires.
struct BeginCall {
  Role our_role = Role::client;
  Mode mode = Mode::require;
  std::string policy;        // policy name of this process; "" is "default"
  std::string peer;          // SNI, attest-peer or remote address; "" if none is known
  bool x509_name_checked = false;
};
struct BeginAnswer {
  std::uint64_t handle = 0;  // names the nonce in JudgeCall
  Bytes request;             // the extension body to send, as it is
};

// AttestCall asks for evidence over one handshake. The request inside the inputs is the peer's.
struct AttestCall {
  BinderInputs inputs;
  std::uint32_t room = 0;    // bytes the Certificate message can carry for evidence
  std::uint64_t peer_verdict = 0;  // by which the daemon accepted this handshake's peer; 0: not judged yet
  Bytes key_file{};          // DER of the TSS2 key file the program signs with, so that the TPM certifies it; or empty
  std::string peer{};        // who will get it, as the connection itself tells; "" if not known. For its place in the queue alone
};
struct AttestAnswer {
  Bytes evidence;            // encoded Evidence
};

// JudgeCall hands in the peer's evidence. The request inside the inputs must be the one Begin answered.
struct JudgeCall {
  std::uint64_t handle = 0;
  BinderInputs inputs;
  Bytes evidence;            // empty: the peer sent none
  std::string peer;          // as in BeginCall, now that SNI is final; a server gives the remote address
  bool x509_ok = false;      // the program asked for a certificate check and it succeeded
};
enum class JudgeOutcome : std::uint8_t { accepted = 0, refused = 1, observed = 2 };
struct JudgeAnswer {
  JudgeOutcome outcome = JudgeOutcome::refused;
  std::uint64_t verdict_id = 0;  // for attestctl explain
  std::string name;              // "pcr.unexpected-event"; empty when accepted
  std::string text;              // one line for people, with the remedy
};

// SignCall: scheme is a TLS SignatureScheme; content is the whole CertificateVerify content (64 spaces, context
// string, 0, transcript hash), never a digest. The key is one of the daemon by its name, or one in a TSS2 key file.
struct SignCall {
  std::string key;           // key name; "" with a key file
  std::uint16_t scheme = 0;
  Bytes content;
  Bytes spki_sha256{};       // of the key meant, 32 bytes or empty: a key that was renewed serves on until it is revoked
  Bytes key_file{};          // DER; empty with a name
};
struct SignAnswer {
  Bytes signature;           // as TLS carries it
};

struct KeyCall {
  std::string key;
};
struct KeyAnswer {
  Bytes spki_der;
  bool in_tpm = false;
};

// MachineCertCall asks for the machine's clientAuth certificate where a program has none of its own.
struct MachineCertAnswer {
  std::vector<Bytes> chain_der;  // leaf first; empty: none configured
  std::string key;               // key name for SignCall
};

struct ErrorAnswer {
  Errc code = Errc::io;
  std::string name;          // "daemon.denied", "tpm.locked", …
  std::string text;          // with the remedy
};

inline constexpr std::size_t kMaxName = 256;
inline constexpr std::size_t kMaxEvidenceFrame = 1 << 20;
inline constexpr std::size_t kMaxKeyFile = 4096;

#define ATTEST_MESSAGE(T, fn)                     \
  Result<Bytes> encode_##fn(const T& message); \
  Result<T> decode_##fn(View payload);
ATTEST_MESSAGE(BeginCall, begin_call)
ATTEST_MESSAGE(BeginAnswer, begin_answer)
ATTEST_MESSAGE(AttestCall, attest_call)
ATTEST_MESSAGE(AttestAnswer, attest_answer)
ATTEST_MESSAGE(JudgeCall, judge_call)
ATTEST_MESSAGE(JudgeAnswer, judge_answer)
ATTEST_MESSAGE(SignCall, sign_call)
ATTEST_MESSAGE(SignAnswer, sign_answer)
ATTEST_MESSAGE(KeyCall, key_call)
ATTEST_MESSAGE(KeyAnswer, key_answer)
ATTEST_MESSAGE(MachineCertAnswer, machine_cert_answer)
ATTEST_MESSAGE(ErrorAnswer, error_answer)
#undef ATTEST_MESSAGE

}  // namespace attest
