#include "provider/errors.h"

#include <cstdarg>
#include <string_view>

namespace attest {
namespace {

// The first word is the stable name; programs that print no error data (curl) show this sentence alone, so it
// carries the remedy.
constexpr OSSL_ITEM kReasons[] = {
#define ROW(id, text) \
  { static_cast<unsigned>(Reason::id), const_cast<char*>(text) }
    ROW(internal, "internal: out of memory or an error of OpenSSL (details: attestctl doctor)"),
    ROW(refused, "refused: see attestctl explain"),
    ROW(daemon_unreachable,
        "daemon.unreachable: no cmcd-lite at the socket (start it: systemctl start cmcd-lite)"),
    ROW(daemon_timeout, "daemon.timeout: cmcd-lite did not answer in time (attestctl status)"),
    ROW(daemon_wrong_owner,
        "daemon.wrong-owner: the socket is not served by attest-daemon-uid (check openssl.cnf)"),
    ROW(daemon_denied, "daemon.denied: cmcd-lite gives this user no such right (\"callers\" in cmcd.json)"),
    ROW(daemon_answer, "daemon.answer: cmcd-lite's answer makes no sense (do module and daemon match?)"),
    ROW(daemon_forked, "daemon.forked: the connection belongs to the process before fork (try again)"),
    ROW(key_unknown, "key.unknown: cmcd-lite has no such key (attestctl key list)"),
    ROW(key_reference, "key.reference: not a sound attest key reference (write it anew: attestctl key list)"),
    ROW(key_digest,
        "key.digest: attest keys sign TLS 1.3 handshakes only (no digests, CSRs, files or TLS 1.2)"),
    ROW(key_content,
        "key.content: attest keys sign TLS 1.3 handshakes only (this is no CertificateVerify content)"),
    ROW(key_scheme,
        "key.scheme: not a TLS 1.3 signature scheme of this key (ECDSA by curve; RSA-PSS, salt = hash "
        "length)"),
    ROW(key_changed,
        "key.changed: cmcd-lite holds another key of this name (write the reference anew: attestctl key "
        "list)"),
    ROW(key_private,
        "key.private: the private half stays in cmcd-lite (a property query such as provider=default keeps "
        "attest from "
        "signing: use ?provider!=attest)"),
    ROW(daemon_overloaded, "daemon.overloaded: cmcd-lite has too much to do (attestctl status)"),
    ROW(daemon_stopping, "daemon.stopping: cmcd-lite is going down (systemctl status cmcd-lite)"),
    ROW(daemon_internal, "daemon.internal: cmcd-lite failed (journalctl -u cmcd-lite)"),
    ROW(daemon_protocol,
        "daemon.protocol: cmcd-lite does not understand this module (are they of one version?)"),
    ROW(tpm_unavailable, "tpm.unavailable: the TPM does not answer (attestctl status)"),
    ROW(sign_scheme,
        "sign.scheme: cmcd-lite does not offer this signature scheme (let the peer offer another)"),
    ROW(sign_content, "sign.content: cmcd-lite signs TLS 1.3 handshakes only"),
#undef ROW
    {0, nullptr},
};

std::string_view name_of(std::string_view text) { return text.substr(0, text.find(':')); }

__attribute__((format(printf, 4, 5))) void set_error(OSSL_FUNC_core_vset_error_fn* vset,
                                                     const OSSL_CORE_HANDLE* handle, Reason reason,
                                                     const char* format, ...) noexcept {
  va_list arguments;
  va_start(arguments, format);
  vset(handle, static_cast<std::uint32_t>(reason), format, arguments);
  va_end(arguments);
}

}  // namespace

Reason reason_of(const Error& error) noexcept {
  std::string_view name = name_of(error.what);
  for (const OSSL_ITEM* row = kReasons; row->ptr != nullptr; row++)
    if (name == name_of(static_cast<const char*>(row->ptr))) return static_cast<Reason>(row->id);
  return error.code == Errc::io ? Reason::internal : Reason::refused;
}

Errors::Errors(const OSSL_CORE_HANDLE* handle, const OSSL_DISPATCH* core) : handle_(handle) {
  for (; core->function_id != 0; core++) {
    if (core->function_id == OSSL_FUNC_CORE_NEW_ERROR) new_error_ = OSSL_FUNC_core_new_error(core);
    if (core->function_id == OSSL_FUNC_CORE_SET_ERROR_DEBUG)
      set_error_debug_ = OSSL_FUNC_core_set_error_debug(core);
    if (core->function_id == OSSL_FUNC_CORE_VSET_ERROR) vset_error_ = OSSL_FUNC_core_vset_error(core);
  }
}

void Errors::raise(Reason reason, const char* text) const noexcept {
  if (new_error_ == nullptr || vset_error_ == nullptr) return;
  new_error_(handle_);
  if (set_error_debug_ != nullptr) set_error_debug_(handle_, "attest.so", 0, "");
  set_error(vset_error_, handle_, reason, "%s", text);
}

const OSSL_ITEM* Errors::reason_strings() { return kReasons; }

}  // namespace attest
