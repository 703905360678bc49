#include "test/support/evidence_maker.h"

#include "evidence/core/file.h"
#include "evidence/core/hex.h"
#include "evidence/logs/replay.h"
#include "evidence/native/sw_statement.h"
#include "evidence/tpm/pcr_selection.h"
#include "test/support/recording.h"

namespace attest::test {
namespace {

ReferenceValue optional_event(std::uint32_t pcr, const std::string& name) { return tpm_reference(pcr, name, true); }

Digest digest_of(const Machine& machine, const Measured& m) {
  HashAlg bank = machine.selection.bank;
  if (m.kind == LogKind::tcg) return hash_of(bank, {as_view(m.text)});
  if (m.text == kViolation) return Digest::filled(bank, 0xff);
  if (!machine.ima_padded) return hash_of(bank, {View(ima_data(m.text))});
  Digest padded = Digest::filled(bank, 0);
  Digest sha1 = hash_of(HashAlg::sha1, {View(ima_data(m.text))});
  std::copy(sha1.view().begin(), sha1.view().end(), padded.data());
  return padded;
}

EventSegment segment(const Machine& machine, const Measured& m) {
  EventSegment e;
  e.pcr = m.pcr;
  if (m.kind == LogKind::ima) {
    e.template_name = "ima-ng";
    e.data = ima_data(m.text);
    e.digest = m.text == kViolation ? Bytes(20, 0) : to_bytes(hash_of(HashAlg::sha1, {View(e.data)}).view());
    return e;
  }
  e.type = 0x80000007;  // EV_EFI_ACTION: its data is text
  e.digest = to_bytes(digest_of(machine, m).view());
  e.data = to_bytes(as_view(m.text));
  return e;
}

std::vector<EvidenceLog> logs_of(const Machine& machine) {
  EvidenceLog tcg{LogKind::tcg, 0, {}}, ima{LogKind::ima, 0, {}};
  for (const Measured& m : machine.log) {
    EvidenceLog& log = m.kind == LogKind::ima ? ima : tcg;
    log.segments.push_back(segment(machine, m));
    log.events++;
  }
  std::vector<EvidenceLog> out = {std::move(tcg)};
  if (ima.events > 0) out.push_back(std::move(ima));
  return out;
}

std::vector<Digest> replay_values(const Machine& machine) {
  PcrReplay replay = must(PcrReplay::make(machine.selection.bank, machine.startup_locality));
  for (LogKind kind : {LogKind::tcg, LogKind::ima})
    for (const Measured& m : machine.log)
      if (m.kind == kind) replay.extend(m.pcr, digest_of(machine, m));
  std::vector<Digest> out;
  for (std::uint8_t pcr : machine.selection.pcrs) out.push_back(replay.value(pcr));
  return out;
}

BinderInputs handshake() {
  BinderInputs in;
  in.client_random.fill(1);
  in.server_random.fill(2);
  in.cipher = 0x1301;
  in.group = 0x001d;
  in.client_share = Bytes(32, 3);
  in.server_share = Bytes(32, 4);
  in.request = Bytes(34, 5);
  in.request[0] = RequestHeader::kVersion;
  in.request[1] = RequestHeader::kRequires;
  in.reply = Bytes(kReply.begin(), kReply.end());
  in.leaf_der = make_root("a.example").der();
  in.secret_tag.fill(6);
  return in;
}

}  // namespace

Bytes ima_data(std::string_view path) {
  Digest content = sha256(as_view(path));
  std::string name(path);
  name.push_back('\0');
  Writer out;
  constexpr std::string_view kAlg("sha256:\0", 8);
  out.u32le(static_cast<std::uint32_t>(kAlg.size() + content.size()));
  out.put(as_view(kAlg));
  out.put(content.view());
  out.u32le(static_cast<std::uint32_t>(name.size()));
  out.put(as_view(name));
  return must(std::move(out).finish("template data"));
}

ReferenceValue ima_reference(const std::string& path, bool optional) {
  ReferenceValue value;
  value.reg = 10;
  value.name = path;
  value.optional = optional;
  for (HashAlg alg : {HashAlg::sha1, HashAlg::sha256, HashAlg::sha384})
    value.hashes.emplace_back(alg, hash_of(alg, {View(ima_data(path))}));
  return value;
}

ReportContext context_of(const Machine& machine) {
  ReportContext context;
  context.role = machine.role;
  context.service = machine.service;
  context.anchors = {machine.ak.identity()};
  context.pcrs = machine.selection;
  context.metadata = machine.metadata;
  if (machine.tamper_context) machine.tamper_context(context);
  return context;
}

TpmAnchor tpm_anchor(const Machine& machine, const Digest& qualifying) {
  TpmAnchor anchor;
  anchor.pcr_values = replay_values(machine);
  anchor.startup_locality = machine.startup_locality;
  anchor.logs = logs_of(machine);
  anchor.ak_public = machine.ak.public_area;
  anchor.ak_chain = machine.ak_chain;
  QuoteSpec quote;
  quote.extra_data = to_bytes(qualifying.view());
  quote.selections = {machine.selection};
  quote.pcr_digest = to_bytes(pcr_digest(HashAlg::sha256, anchor.pcr_values).view());
  if (machine.tamper_quote) machine.tamper_quote(quote);
  anchor.attest = write_attest(quote);
  anchor.signature = sign_tpm(anchor.attest, machine.ak.key.get());
  if (machine.tamper_anchor) machine.tamper_anchor(anchor);
  return anchor;
}

Evidence attest_machine(const Machine& machine, const Digest& binder) {
  Evidence evidence;
  evidence.context = must(encode_context(context_of(machine)));
  MerkleTree batch = must(MerkleTree::make({evidence_hash(binder, evidence.context)}));
  evidence.path = batch.path(0);
  evidence.anchors = {tpm_anchor(machine, batch_qualifying_data(batch.root()))};
  evidence.metadata = machine.sent;
  return evidence;
}

SwAnchor sw_anchor(EVP_PKEY* key, const Digest& qualifying, std::vector<std::pair<std::string, Digest>> measurements) {
  SwStatement statement{qualifying, "host-a", {}};
  for (auto& [name, digest] : measurements) statement.measurements.push_back({name, digest});
  SwAnchor anchor;
  anchor.statement = must(encode_sw_statement(statement));
  anchor.signature = sign_der(anchor.statement, key);
  anchor.public_key = spki_der(key);
  return anchor;
}

AnchorIdentity sw_identity_of(EVP_PKEY* key) { return {AnchorKind::sw, to_bytes(sw_identity(spki_der(key)).view())}; }

World::World()
    : signer_root(make_root("metadata root")), signer(make_signer(signer_root)), issuer(make_root("AK issuer")),
      roots({signer_root.der()}), inputs(handshake()) {
  std::vector<ReferenceValue> boot;
  for (std::uint32_t pcr = 0; pcr < 8; pcr++) {
    boot.push_back(tpm_reference(pcr, "component " + std::to_string(pcr)));
    boot.push_back(tpm_reference(pcr, "separator"));
    machine.log.push_back({static_cast<std::uint8_t>(pcr), "component " + std::to_string(pcr)});
    machine.log.push_back({static_cast<std::uint8_t>(pcr), "separator"});
  }
  firmware = make_manifest("firmware", {"firmware"}, boot);
  firmware.manifest.log_ordered = true;
  os = make_manifest("os", {"firmware"}, {tpm_reference(4, "shim"), tpm_reference(4, "grub"), optional_event(4, "fallback"),
                                          ima_reference("boot_aggregate", false), ima_reference("/bin/sh"), ima_reference("/bin/ls")});
  os.manifest.log_ordered = true;
  image = make_image("web-server", {"firmware", "os"});
  for (const char* stage : {"shim", "grub"}) machine.log.push_back({4, stage});
  for (const char* file : {"boot_aggregate", "/bin/sh"}) machine.log.push_back({10, file, LogKind::ima});
  machine.ak = make_ak();
  PeerRule a;
  a.name = "a.example";
  a.ak_names = {to_hex(machine.ak.name())};
  a.image_descriptions = {"web-server"};
  policy.name = "default";
  policy.peers = {a};
  policy.ak_issuer_roots = {issuer.der()};
  policy.ak_trust = std::make_shared<KnownChains>(must(TrustStore::make(policy.ak_issuer_roots)));
  sign_all();
}

void World::sign_all() {
  image_item = sign_item(image, signer);
  firmware_item = sign_item(firmware, signer);
  os_item = sign_item(os, signer);
  hold({image_item, firmware_item, os_item});
  machine.metadata.clear();
  for (const std::string* item : {&image_item, &firmware_item, &os_item}) machine.metadata.push_back(sha256(as_view(*item)));
}

void World::hold(const std::vector<std::string>& items) {
  TempDir folder;
  for (std::size_t i = 0; i < items.size(); i++)
    must(write_file_atomic(folder.file(std::to_string(i) + ".json"), as_view(items[i])));
  active = must(ActiveSet::load(folder.path(), roots, now));
}

Digest World::binder() const { return must(compute_binder(inputs)); }

Appraisal World::judge_bytes(View evidence) const {
  Question q;
  q.evidence = evidence;
  q.prover = inputs.prover;
  q.binder = binder();
  q.leaf_spki = must(spki_sha256(inputs.leaf_der));
  q.peer = peer;
  q.x509_ok = x509_ok;
  q.now = now;
  return appraise(q, policy, active);
}

Appraisal World::judge(const Evidence& evidence) const { return judge_bytes(must(encode_evidence(evidence))); }

std::string name_of(const Appraisal& appraisal) {
  if (appraisal.verdict.trusted()) return "";
  const Check* failure = appraisal.verdict.first_failure();
  return failure != nullptr ? failure->id : "untrusted";
}

}  // namespace attest::test
