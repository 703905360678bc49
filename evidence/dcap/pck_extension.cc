#include "evidence/dcap/pck_extension.h"

#include "evidence/x509/der.h"

namespace attest {
namespace {

// 1.2.840.113741.1.13.1
constexpr std::uint8_t kArc[] = {0x2a, 0x86, 0x48, 0x86, 0xf8, 0x4d, 0x01, 0x0d, 0x01};

// Seen notices a member that comes twice and one that is missing.
class Seen {
 public:
  bool first(std::uint8_t member) {
    std::uint32_t bit = 1U << member;
    bool is_new = member < 32 && (bits_ & bit) == 0;
    bits_ |= bit;
    return is_new;
  }
  bool all(std::uint8_t from, std::uint8_t to) const {
    for (std::uint8_t i = from; i <= to; i++)
      if ((bits_ & 1U << i) == 0) return false;
    return true;
  }

 private:
  std::uint32_t bits_ = 0;
};

template <std::size_t N>
void octets(DerReader& in, std::array<std::uint8_t, N>& out) {
  View value = in.take(der_tag::kOctetString);
  if (value.size() != N) return in.fail();
  std::copy(value.begin(), value.end(), out.begin());
}

// member_of reads SEQUENCE { OID, ... } and lends the arcs below kArc: the first of the two levels goes to
// `number`.
DerReader member_of(DerReader& in, std::size_t depth, std::uint8_t& number) {
  DerReader member = in.inside(der_tag::kSequence);
  View oid = member.take(der_tag::kOid);
  bool ours = oid.size() == sizeof kArc + depth && equal(oid.first(sizeof kArc), kArc);
  number = ours ? oid.back() : 0xff;
  return member;
}

void read_tcb(DerReader tcb, PckExtension& out, DerReader& parent) {
  Seen seen;
  while (tcb.more()) {
    std::uint8_t number = 0;
    DerReader member = member_of(tcb, 2, number);
    if (number >= 1 && number <= 18 && !seen.first(number)) tcb.fail();
    if (number >= 1 && number <= 16)
      out.comp[number - 1U] = static_cast<std::uint8_t>(member.small(der_tag::kInteger, 255));
    else if (number == 17)
      out.pce_svn = static_cast<std::uint16_t>(member.small(der_tag::kInteger, 65535));
    else if (number == 18)
      octets(member, out.cpu_svn);
    else
      member.next();
    if (!member.done("TCB")) tcb.fail();
  }
  if (!tcb.good() || !seen.all(1, 18)) parent.fail();
}

void read_configuration(DerReader configuration, PckExtension& out, DerReader& parent) {
  while (configuration.more()) {
    std::uint8_t number = 0;
    DerReader member = member_of(configuration, 2, number);
    if (number == 1)
      out.dynamic_platform = member.boolean();
    else if (number == 2)
      out.cached_keys = member.boolean();
    else if (number == 3)
      out.smt_enabled = member.boolean();
    else
      member.next();
    if (!member.done("configuration")) configuration.fail();
  }
  if (!configuration.good()) parent.fail();
}

void read_member(std::uint8_t number, DerReader& member, PckExtension& out) {
  switch (number) {
    case 1:
      return octets(member, out.ppid);
    case 2:
      return read_tcb(member.inside(der_tag::kSequence), out, member);
    case 3:
      return octets(member, out.pce_id);
    case 4:
      return octets(member, out.fmspc);
    case 5:
      out.sgx_type = member.small(der_tag::kEnumerated, 255);
      return;
    case 6:
      return octets(member, out.platform_instance_id.emplace());
    case 7:
      return read_configuration(member.inside(der_tag::kSequence), out, member);
    default:
      member.next();
  }
}

}  // namespace

Result<PckExtension> parse_pck_extension(View value) {
  PckExtension out;
  DerReader outer(value);
  DerReader members = outer.inside(der_tag::kSequence);
  Seen seen;
  while (members.more()) {
    std::uint8_t number = 0;
    DerReader member = member_of(members, 1, number);
    if (number >= 1 && number <= 7 && !seen.first(number)) members.fail();
    read_member(number, member, out);
    if (!member.done("SGX extension")) members.fail();
  }
  CHECK_OK(members.done("SGX extension of the PCK certificate"));
  CHECK_OK(outer.done("SGX extension of the PCK certificate"));
  if (!seen.all(1, 5))
    return Error{Errc::malformed, "SGX extension of the PCK certificate: a member is missing"};
  return out;
}

}  // namespace attest
