#include "cmcd-lite/protocol/messages.h"

namespace attest {
namespace {

constexpr std::size_t kMaxText = 4096;
constexpr std::size_t kMaxSignature = 1024;
constexpr std::size_t kMaxSpki = 1024;
constexpr std::size_t kMaxContent = 512;
constexpr std::uint32_t kMaxChain = 8;

std::string text(Reader& in, std::size_t max) { return std::string(as_text(in.take16be(max))); }
void text(Writer& out, std::string_view s) { out.lv16(as_view(s)); }

bool flag(Reader& in) {
  std::uint8_t v = in.u8();
  if (v > 1) in.fail();
  return v == 1;
}

// An enum of `count` values that start at 0.
template <class E>
E choice(Reader& in, unsigned count) {
  std::uint8_t v = in.u8();
  if (v < count) return static_cast<E>(v);
  in.fail();
  return static_cast<E>(0);
}

template <class T>
Result<T> finished(T message, const Reader& in, const char* what) {
  CHECK_OK(in.done(what));
  return message;
}

}  // namespace

Result<Bytes> encode_begin_call(const BeginCall& m) {
  Writer out;
  out.u8(static_cast<std::uint8_t>(m.our_role));
  out.u8(static_cast<std::uint8_t>(m.mode));
  text(out, m.policy);
  text(out, m.peer);
  out.u8(m.x509_name_checked ? 1 : 0);
  return std::move(out).finish("begin");
}
Result<BeginCall> decode_begin_call(View payload) {
  Reader in(payload);
  BeginCall m;
  m.our_role = choice<Role>(in, 2);
  m.mode = choice<Mode>(in, 3);
  m.policy = text(in, kMaxName);
  m.peer = text(in, kMaxName);
  m.x509_name_checked = flag(in);
  return finished(std::move(m), in, "begin");
}

Result<Bytes> encode_begin_answer(const BeginAnswer& m) {
  Writer out;
  out.u64be(m.handle);
  out.lv16(m.request);
  return std::move(out).finish("begin answer");
}
Result<BeginAnswer> decode_begin_answer(View payload) {
  Reader in(payload);
  BeginAnswer m;
  m.handle = in.u64be();
  m.request = to_bytes(in.take16be(RequestHeader::kMaxRequest));
  return finished(std::move(m), in, "begin answer");
}

Result<Bytes> encode_attest_call(const AttestCall& m) {
  Writer out;
  write_inputs(out, m.inputs);
  out.u32be(m.room);
  out.u64be(m.peer_verdict);
  out.lv16(m.key_file);
  text(out, m.peer);
  return std::move(out).finish("attest");
}
Result<AttestCall> decode_attest_call(View payload) {
  Reader in(payload);
  AttestCall m;
  m.inputs = read_inputs(in);
  m.room = in.u32be();
  m.peer_verdict = in.u64be();
  m.key_file = to_bytes(in.take16be(kMaxKeyFile));
  m.peer = text(in, kMaxName);
  return finished(std::move(m), in, "attest");
}

Result<Bytes> encode_attest_answer(const AttestAnswer& m) {
  Writer out;
  out.lv32(m.evidence);
  return std::move(out).finish("attest answer");
}
Result<AttestAnswer> decode_attest_answer(View payload) {
  Reader in(payload);
  AttestAnswer m;
  m.evidence = to_bytes(in.take32be(kMaxEvidenceFrame));
  return finished(std::move(m), in, "attest answer");
}

Result<Bytes> encode_judge_call(const JudgeCall& m) {
  Writer out;
  out.u64be(m.handle);
  write_inputs(out, m.inputs);
  out.lv32(m.evidence);
  text(out, m.peer);
  out.u8(m.x509_ok ? 1 : 0);
  return std::move(out).finish("judge");
}
Result<JudgeCall> decode_judge_call(View payload) {
  Reader in(payload);
  JudgeCall m;
  m.handle = in.u64be();
  m.inputs = read_inputs(in);
  m.evidence = to_bytes(in.take32be(kMaxEvidenceFrame));
  m.peer = text(in, kMaxName);
  m.x509_ok = flag(in);
  return finished(std::move(m), in, "judge");
}

Result<Bytes> encode_judge_answer(const JudgeAnswer& m) {
  Writer out;
  out.u8(static_cast<std::uint8_t>(m.outcome));
  out.u64be(m.verdict_id);
  text(out, m.name);
  text(out, m.text.substr(0, kMaxText));
  return std::move(out).finish("judge answer");
}
Result<JudgeAnswer> decode_judge_answer(View payload) {
  Reader in(payload);
  JudgeAnswer m;
  m.outcome = choice<JudgeOutcome>(in, 3);
  m.verdict_id = in.u64be();
  m.name = text(in, kMaxName);
  m.text = text(in, kMaxText);
  if (!in.good()) m.outcome = JudgeOutcome::refused;
  return finished(std::move(m), in, "judge answer");
}

Result<Bytes> encode_sign_call(const SignCall& m) {
  Writer out;
  text(out, m.key);
  out.u16be(m.scheme);
  out.lv16(m.content);
  out.lv16(m.spki_sha256);
  out.lv16(m.key_file);
  return std::move(out).finish("sign");
}
Result<SignCall> decode_sign_call(View payload) {
  Reader in(payload);
  SignCall m;
  m.key = text(in, kMaxName);
  m.scheme = in.u16be();
  m.content = to_bytes(in.take16be(kMaxContent));
  m.spki_sha256 = to_bytes(in.take16be(32));
  if (!m.spki_sha256.empty() && m.spki_sha256.size() != 32) in.fail();
  m.key_file = to_bytes(in.take16be(kMaxKeyFile));
  return finished(std::move(m), in, "sign");
}

Result<Bytes> encode_sign_answer(const SignAnswer& m) {
  Writer out;
  out.lv16(m.signature);
  return std::move(out).finish("sign answer");
}
Result<SignAnswer> decode_sign_answer(View payload) {
  Reader in(payload);
  SignAnswer m;
  m.signature = to_bytes(in.take16be(kMaxSignature));
  return finished(std::move(m), in, "sign answer");
}

Result<Bytes> encode_key_call(const KeyCall& m) {
  Writer out;
  text(out, m.key);
  return std::move(out).finish("key");
}
Result<KeyCall> decode_key_call(View payload) {
  Reader in(payload);
  KeyCall m;
  m.key = text(in, kMaxName);
  return finished(std::move(m), in, "key");
}

Result<Bytes> encode_key_answer(const KeyAnswer& m) {
  Writer out;
  out.lv16(m.spki_der);
  out.u8(m.in_tpm ? 1 : 0);
  return std::move(out).finish("key answer");
}
Result<KeyAnswer> decode_key_answer(View payload) {
  Reader in(payload);
  KeyAnswer m;
  m.spki_der = to_bytes(in.take16be(kMaxSpki));
  m.in_tpm = flag(in);
  return finished(std::move(m), in, "key answer");
}

Result<Bytes> encode_machine_cert_answer(const MachineCertAnswer& m) {
  Writer out;
  out.u16be(static_cast<std::uint16_t>(m.chain_der.size()));
  for (const Bytes& cert : m.chain_der) out.lv16(cert);
  text(out, m.key);
  return std::move(out).finish("machine certificate answer");
}
Result<MachineCertAnswer> decode_machine_cert_answer(View payload) {
  Reader in(payload);
  MachineCertAnswer m;
  for (std::uint32_t n = in.count16be(kMaxChain); n > 0 && in.good(); n--)
    m.chain_der.push_back(to_bytes(in.take16be(kMaxLeaf)));
  m.key = text(in, kMaxName);
  return finished(std::move(m), in, "machine certificate answer");
}

Result<Bytes> encode_error_answer(const ErrorAnswer& m) {
  Writer out;
  out.u8(static_cast<std::uint8_t>(m.code));
  text(out, m.name);
  text(out, m.text.substr(0, kMaxText));
  return std::move(out).finish("error answer");
}
Result<ErrorAnswer> decode_error_answer(View payload) {
  Reader in(payload);
  ErrorAnswer m;
  m.code = choice<Errc>(in, 7);
  m.name = text(in, kMaxName);
  m.text = text(in, kMaxText);
  return finished(std::move(m), in, "error answer");
}

}  // namespace attest
