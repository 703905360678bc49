#include "apps/attestctl/metrics_text.h"

#include "apps/attestctl/field.h"

namespace attest::ctl {
namespace {

// family begins a metric.
void family(std::string& out, const std::string& name, const char* type, const char* help) {
  out += "# HELP " + name + " " + help + "\n# TYPE " + name + " " + type + "\n";
}

std::string label(std::string_view value) {
  std::string out;
  for (char c : value) {
    if (c == '\\' || c == '"') out += '\\';
    out += c == '\n' ? ' ' : c;
  }
  return out;
}

void number(std::string& out, const char* name, const char* type, const char* help, std::int64_t value) {
  family(out, name, type, help);
  out += std::string(name) + " " + std::to_string(value) + "\n";
}

// seconds writes microseconds as a decimal fraction.
std::string seconds(std::int64_t us) {
  std::string fraction = std::to_string(us % 1000000);
  return std::to_string(us / 1000000) + "." + std::string(6 - fraction.size(), '0') + fraction;
}

void tpm_metrics(std::string& out, const Json& tpm) {
  number(out, "attest_tpm_ready", "gauge", "1 if the TPM answers.", text_of(tpm, "state") == "ready");
  number(out, "attest_quotes_total", "counter", "Quotes the TPM made.", number_of(tpm, "quotes"));
  number(out, "attest_handshakes_total", "counter",
         "Evidence over a quote of its own handed out.",
         number_of(tpm, "handshakes"));
  number(out, "attest_tpm_signatures_total", "counter", "Signatures by TLS keys.",
         number_of(tpm, "signatures"));
  family(out, "attest_quote_seconds", "gauge", "Time of the last quotes, by quantile.");
  out += "attest_quote_seconds{quantile=\"0.5\"} " + seconds(number_of(tpm, "p50_us")) + "\n";
  out += "attest_quote_seconds{quantile=\"0.99\"} " + seconds(number_of(tpm, "p99_us")) + "\n";
}

// batch_metrics: the daemon counts by powers of two, Prometheus wants each bucket to hold the smaller ones too.
void batch_metrics(std::string& out, const Json& tpm) {
  const std::string name = "attest_batch_size";
  family(out, name, "histogram", "Handshakes answered by one quote; quotes for an Epoch ID alone are left out.");
  std::uint64_t bound = 1, count = 0;
  for (const Json& quotes : list_of(tpm, "batches")) {
    count += quotes.is_number_unsigned() ? quotes.get<std::uint64_t>() : 0;
    out += name + "_bucket{le=\"" + std::to_string(bound) + "\"} " + std::to_string(count) + "\n";
    bound *= 2;
  }
  out += name + "_bucket{le=\"+Inf\"} " + std::to_string(count) + "\n";
  out += name + "_sum " + std::to_string(number_of(tpm, "handshakes")) + "\n";
  out += name + "_count " + std::to_string(count) + "\n";
}

void freshness_metrics(std::string& out, const Json& status) {
  const Json& tpm = field(status, "tpm");
  number(out, "attest_known_keys", "gauge", "Short-lived keys under a quote.", number_of(tpm, "keys"));
  number(out, "attest_answered_by_key_total", "counter", "Handshakes answered without a quote.",
         number_of(tpm, "answered_by_key"));
  family(out, "attest_epoch_age_seconds", "gauge", "Since the newest Epoch ID of a distributor.");
  for (const Json& epoch : list_of(status, "epochs"))
    out += "attest_epoch_age_seconds{distributor=\"" + label(text_of(epoch, "distributor").substr(0, 16)) + "\"} " +
           std::to_string(number_of(epoch, "age_s")) + "\n";
}

void verdict_metrics(std::string& out, const Json& verdicts) {
  family(out, "attest_verdicts_total", "counter", "Judged handshakes, by outcome.");
  for (const char* outcome : {"accepted", "refused", "observed"})
    out += std::string("attest_verdicts_total{outcome=\"") + outcome + "\"} " +
           std::to_string(number_of(verdicts, outcome)) + "\n";
  family(out, "attest_untrusted_total", "counter",
         "Evidence that did not hold, by the first check that failed.");
  const Json& names = field(verdicts, "untrusted_by");
  for (const auto& [name, count] : names.items())
    if (count.is_number_integer())
      out += "attest_untrusted_total{check=\"" + label(name) + "\"} " +
             std::to_string(count.get<std::int64_t>()) + "\n";
}

void metadata_metrics(std::string& out, const Json& items, UnixTime now) {
  family(out, "attest_metadata_expires_seconds", "gauge",
         "Until signed metadata in force expires; negative after it.");
  for (const Json& item : items)
    if (Result<UnixTime> end = parse_rfc3339(text_of(item, "not_after")); end)
      out += "attest_metadata_expires_seconds{type=\"" + label(text_of(item, "type")) + "\",name=\"" +
             label(text_of(item, "name")) + "\"} " + std::to_string(*end - now) + "\n";
  family(out, "attest_metadata_age_seconds", "gauge", "Since signed metadata in force was written.");
  for (const Json& item : items)
    if (Result<UnixTime> made = parse_rfc3339(text_of(item, "version")); made)
      out += "attest_metadata_age_seconds{type=\"" + label(text_of(item, "type")) + "\",name=\"" +
             label(text_of(item, "name")) + "\"} " + std::to_string(now - *made) + "\n";
}

void fleet_metrics(std::string& out, const Json& certificates, UnixTime now) {
  family(out, "attest_fleet_certificate_expires_seconds", "gauge",
         "Until a certificate issued by a fleet's server ends (key \"ak\": the attestation key); negative after it.");
  for (const Json& entry : certificates)
    if (Result<UnixTime> end = parse_rfc3339(text_of(entry, "not_after")); end)
      out += "attest_fleet_certificate_expires_seconds{key=\"" + label(text_of(entry, "key")) + "\"} " + std::to_string(*end - now) + "\n";
  family(out, "attest_fleet_certificate_failing", "gauge", "1 if the last attempt to have a key certified failed.");
  for (const Json& entry : certificates)
    out += "attest_fleet_certificate_failing{key=\"" + label(text_of(entry, "key")) + "\"} " + (text_of(entry, "problem").empty() ? "0" : "1") + "\n";
}

void revocation_metrics(std::string& out, const Json& servers, UnixTime now) {
  family(out, "attest_revocation_answer_age_seconds", "gauge", "Since the revocation answer that reports carry was made, by server.");
  for (const Json& entry : servers)
    if (Result<UnixTime> made = parse_rfc3339(text_of(entry, "produced")); made)
      out += "attest_revocation_answer_age_seconds{server=\"" + label(text_of(entry, "server")) + "\"} " + std::to_string(now - *made) + "\n";
  family(out, "attest_revocation_answer_failing", "gauge", "1 if the last attempt to fetch a revocation answer failed.");
  for (const Json& entry : servers)
    out += "attest_revocation_answer_failing{server=\"" + label(text_of(entry, "server")) + "\"} " + (text_of(entry, "problem").empty() ? "0" : "1") + "\n";
  family(out, "attest_revocation_concerns", "gauge", "Manifests of which the answer says anything but good.");
  for (const Json& entry : servers)
    out += "attest_revocation_concerns{server=\"" + label(text_of(entry, "server")) + "\"} " + std::to_string(list_of(entry, "concerns").size()) + "\n";
}

}  // namespace

std::string metrics_down() {
  std::string out;
  number(out, "attest_up", "gauge", "1 if the daemon answers.", 0);
  return out;
}

std::string metrics_text(const Json& status, UnixTime now) {
  std::string out;
  number(out, "attest_up", "gauge", "1 if the daemon answers.", 1);
  number(out, "attest_uptime_seconds", "counter", "Since the daemon started.", number_of(status, "uptime_s"));
  number(out, "attest_queue", "gauge", "Calls that wait for the TPM or a judge.", number_of(status, "queue"));
  number(out, "attest_connections", "gauge", "Open connections of programs.",
         number_of(status, "connections"));
  number(out, "attest_observe", "gauge", "1 while the daemon refuses nothing.", flag_of(status, "observe"));
  number(out, "attest_audit_lost_total", "counter", "Verdicts that could not be written to the audit log.",
         number_of(field(status, "audit"), "lost"));
  number(out, "attest_warnings", "gauge", "Warnings of attestctl status.",
         static_cast<std::int64_t>(list_of(status, "warnings").size()));
  number(out, "attest_problems", "gauge", "Metadata files that are not in force.",
         static_cast<std::int64_t>(list_of(status, "problems").size()));
  tpm_metrics(out, field(status, "tpm"));
  batch_metrics(out, field(status, "tpm"));
  freshness_metrics(out, status);
  verdict_metrics(out, field(status, "verdicts"));
  metadata_metrics(out, list_of(status, "metadata"), now);
  fleet_metrics(out, list_of(status, "fleet"), now);
  revocation_metrics(out, list_of(status, "revocation"), now);
  return out;
}

}  // namespace attest::ctl
