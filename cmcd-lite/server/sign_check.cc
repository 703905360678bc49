#include "cmcd-lite/server/sign_check.h"

namespace attest {
namespace {

constexpr std::string_view kServerContext = "TLS 1.3, server CertificateVerify";
constexpr std::string_view kClientContext = "TLS 1.3, client CertificateVerify";
static_assert(kServerContext.size() == kClientContext.size());

}  // namespace

Result<Role> certificate_verify_role(View content) {
  const Error denied{Errc::denied,
                     "sign.content: not the content of a TLS 1.3 CertificateVerify; handshake keys sign nothing else"};
  Reader in(content);
  for (auto byte : in.take(64))
    if (byte != 0x20) return denied;
  std::string_view context = as_text(in.take(kServerContext.size()));
  in.zeros(1);
  std::size_t hash = in.rest().size();
  if (!in.good() || (hash != 32 && hash != 48)) return denied;
  if (context == kServerContext) return Role::server;
  if (context == kClientContext) return Role::client;
  return denied;
}

Status check_scheme(std::uint16_t scheme) {
  constexpr std::uint16_t allowed[] = {0x0403, 0x0503, 0x0804, 0x0805};
  if (std::ranges::find(allowed, scheme) != std::end(allowed)) return ok();
  return Error{Errc::unsupported, "sign.scheme: signature scheme " + std::to_string(scheme) + " is not offered"};
}

}  // namespace attest
