// attestctl generate: evidence over a nonce, outside a handshake.
#include <openssl/rand.h>

#include "apps/attestctl/commands.h"
#include "apps/attestctl/field.h"
#include "apps/attestctl/files.h"
#include "apps/attestctl/style.h"
#include "evidence/core/crypto.h"
#include "evidence/core/hex.h"
#include "evidence/native/message.h"

namespace attest::ctl {
namespace {

Result<std::string> fresh_nonce() {
  std::array<std::uint8_t, 32> nonce;
  if (RAND_bytes_ex(private_libctx(), nonce.data(), nonce.size(), 0) != 1)
    return Error{Errc::io, "OpenSSL gives no random bytes"};
  return to_hex(nonce);
}

Result<Exit> run(const Session& session, std::string nonce, const std::string& out) {
  if (nonce.empty()) {
    TRY(nonce, fresh_nonce());
  }
  TRY(Json answer, ask(session, {{"op", "generate"}, {"nonce", nonce}}, "waiting for the TPM's quote"));
  if (session.json || out.empty())
    return print_json({{"nonce", nonce}, {"evidence", text_of(answer, "evidence")}});
  TRY(Bytes evidence, from_base64(text_of(answer, "evidence"), kMaxEvidence));
  CHECK_OK(write_output(out, evidence));
  row("wrote", out + "   " + thousands(evidence.size()) + " bytes of evidence");
  row("nonce", nonce);
  row("next", "attestctl verify " + out + " --nonce " + nonce + "   (on another machine)");
  return Exit::accepted;
}

}  // namespace

void add_generate(CLI::App& app_, Session& session) {
  auto nonce = std::make_shared<std::string>();
  auto out = std::make_shared<std::string>();
  CLI::App* app = command(app_, session, "generate", "make evidence over a nonce (needs the right \"raw\")",
                          [nonce, out](Session& s) { return run(s, *nonce, *out); });
  app->add_option("--nonce", *nonce, "1 to 64 bytes in hex (default: 32 random bytes)");
  app->add_option("-o,--out", *out, "file for the evidence (default: JSON on stdout)");
}

}  // namespace attest::ctl
