// attestctl generate: evidence over a nonce, outside a handshake; or a report of CMC's from an agent of its fleet.
#include <openssl/rand.h>

#include "apps/attestctl/commands.h"
#include "apps/attestctl/field.h"
#include "apps/attestctl/files.h"
#include "apps/attestctl/style.h"
#include "cmcd-lite/client/cmc_connection.h"
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

struct Options {
  std::string nonce, out, agent, serializer = "cbor";
};

// fetch_report asks an agent for a CMC report over the nonce.
Result<Exit> fetch_report(const Session& session, const Options& options) {
  cmc::ApiRequest request;
  request.call = cmc::Call::attest;
  TRY(request.nonce, from_hex(options.nonce));
  CmcClientOptions agent;
  agent.address = options.agent;
  agent.encoding = options.serializer == "json" ? cmc::Encoding::json : cmc::Encoding::cbor;
  TRY(cmc::ApiResponse answer, cmc_call(agent, request));
  if (options.out.empty()) return print_json({{"nonce", options.nonce}, {"report", to_base64(answer.report)}});
  CHECK_OK(write_output(options.out, answer.report));
  if (session.json)
    return print_json({{"nonce", options.nonce}, {"file", options.out}, {"bytes", answer.report.size()}});
  row("wrote", options.out + "   " + thousands(answer.report.size()) + " bytes, a CMC report in " + options.serializer);
  row("nonce", options.nonce);
  row("next", "attestctl verify --report " + options.out + " --nonce " + options.nonce + " --signer-roots FILE --ak-roots FILE");
  return Exit::accepted;
}

Result<Exit> run(const Session& session, Options options) {
  if (options.nonce.empty()) {
    TRY(options.nonce, fresh_nonce());
  }
  if (!options.agent.empty()) return fetch_report(session, options);
  const std::string &nonce = options.nonce, &out = options.out;
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
  auto options = std::make_shared<Options>();
  CLI::App* app = command(app_, session, "generate", "make evidence over a nonce (needs the right \"raw\")",
                          [options](Session& s) { return run(s, *options); });
  app->add_option("--nonce", options->nonce, "1 to 64 bytes in hex (default: 32 random bytes)");
  app->add_option("-o,--out", options->out, "file for the evidence (default: JSON on stdout)");
  app->add_option("--agent", options->agent, "ask this agent of a CMC fleet for a CMC report: unix://PATH, tcp://HOST:PORT");
  app->add_option("--serializer", options->serializer, "of that report: json or cbor")
      ->check(CLI::IsMember({"json", "cbor"}))
      ->capture_default_str();
}

}  // namespace attest::ctl
