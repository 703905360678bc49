// profile.h: which form evidence has in a handshake: the native message (message.h), or a CMC report.
#pragma once
#include "evidence/native/binder.h"

namespace attest {

enum class Profile : std::uint8_t { native = 0, cmc = 1 };
constexpr const char* profile_name(Profile profile) { return profile == Profile::cmc ? "cmc" : "native"; }

// report_nonce is what a CMC report in a handshake is over: "attest/1 tls" || binder. Nobody gets a report over a nonce
// that begins so from the daemon's API, and nobody gets one judged there: a report of the one cannot serve as the other.
Bytes report_nonce(const Digest& binder);

// encode_report_evidence wraps a report as evidence of the profile cmc.
Bytes encode_report_evidence(View report);
// profile_of says of which profile evidence means to be; it checks nothing beyond.
Profile profile_of(View evidence);
// decode_report_evidence lends the report; malformed for anything but what encode_report_evidence writes.
Result<View> decode_report_evidence(View evidence);

}  // namespace attest
