#include "profiler/preload/seccomp_filter.h"

#include <linux/audit.h>
#include <linux/seccomp.h>
#include <string.h>

#include "profiler/preload/os.h"

namespace tidemark::preload {
namespace {

class Machine {
 public:
  Machine(const sock_fprog& program, const seccomp_data& data) : program_(program), data_(data) {}

  // The filter's answer. False: not a program that the kernel takes.
  bool Run(uint32_t* answer) {
    // Jumps only go forward, so every instruction runs at most once.
    for (uint64_t at = 0; at < program_.len; ++at) {
      const sock_filter& i = program_.filter[at];
      switch (BPF_CLASS(i.code)) {
        case BPF_LD:
          if (!Load(i, &a_)) return false;
          break;
        case BPF_LDX:
          if (!Load(i, &x_)) return false;
          break;
        case BPF_ST:
        case BPF_STX:
          if (i.k >= BPF_MEMWORDS) return false;
          memory_[i.k] = BPF_CLASS(i.code) == BPF_ST ? a_ : x_;
          break;
        case BPF_ALU:
          if (!Calculate(i)) return false;
          break;
        case BPF_JMP:
          at += Jump(i);
          break;
        case BPF_RET:
          *answer = BPF_RVAL(i.code) == BPF_A ? a_ : i.k;
          return true;
        case BPF_MISC:
          BPF_MISCOP(i.code) == BPF_TAX ? x_ = a_ : a_ = x_;
          break;
        default:
          return false;
      }
    }
    return false;
  }

 private:
  bool Load(const sock_filter& i, uint32_t* to) const {
    switch (BPF_MODE(i.code)) {
      case BPF_ABS:
        if (i.k > sizeof(data_) - sizeof(*to)) return false;
        memcpy(to, reinterpret_cast<const char*>(&data_) + i.k, sizeof(*to));
        return true;
      case BPF_IMM:
        *to = i.k;
        return true;
      case BPF_LEN:
        *to = sizeof(data_);
        return true;
      case BPF_MEM:
        if (i.k >= BPF_MEMWORDS) return false;
        *to = memory_[i.k];
        return true;
      default:
        return false;
    }
  }

  uint32_t Operand(const sock_filter& i) const { return BPF_SRC(i.code) == BPF_X ? x_ : i.k; }

  bool Calculate(const sock_filter& i) {
    const uint32_t b = Operand(i);
    switch (BPF_OP(i.code)) {
      case BPF_ADD:
        a_ += b;
        return true;
      case BPF_SUB:
        a_ -= b;
        return true;
      case BPF_MUL:
        a_ *= b;
        return true;
      case BPF_DIV:
        if (b != 0) a_ /= b;
        return b != 0;
      case BPF_AND:
        a_ &= b;
        return true;
      case BPF_OR:
        a_ |= b;
        return true;
      case BPF_XOR:
        a_ ^= b;
        return true;
      case BPF_LSH:
        a_ = b < 32 ? a_ << b : 0;
        return true;
      case BPF_RSH:
        a_ = b < 32 ? a_ >> b : 0;
        return true;
      case BPF_NEG:
        a_ = 0 - a_;
        return true;
      default:
        return false;
    }
  }

  // How many instructions to leave out.
  uint32_t Jump(const sock_filter& i) const {
    const uint32_t b = Operand(i);
    switch (BPF_OP(i.code)) {
      case BPF_JA:
        return i.k;
      case BPF_JEQ:
        return a_ == b ? i.jt : i.jf;
      case BPF_JGT:
        return a_ > b ? i.jt : i.jf;
      case BPF_JGE:
        return a_ >= b ? i.jt : i.jf;
      case BPF_JSET:
        return (a_ & b) != 0 ? i.jt : i.jf;
      default:
        return program_.len;  // ends the run, with no answer
    }
  }

  const sock_fprog& program_;
  const seccomp_data& data_;
  uint32_t a_ = 0;
  uint32_t x_ = 0;
  uint32_t memory_[BPF_MEMWORDS] = {};
};

}  // namespace

bool FilterAllows(const sock_fprog& filter, long number, const uint64_t (&arguments)[6]) {
  seccomp_data data = {};
  data.nr = static_cast<int>(number);
  data.arch = AUDIT_ARCH_X86_64;
  for (int i = 0; i < 6; ++i) data.args[i] = arguments[i];
  uint32_t answer = 0;
  if (filter.filter == nullptr || !Machine(filter, data).Run(&answer)) return false;
  constexpr uint32_t kActionOfAnswer = 0xffff0000;
  constexpr uint32_t kLog = 0x7ffc0000;  // SECCOMP_RET_LOG, since Linux 4.14
  const uint32_t action = answer & kActionOfAnswer;
  return action == SECCOMP_RET_ALLOW || action == kLog;
}

uint32_t CallsForbiddenBy(const sock_fprog& filter) {
  // Addresses and lengths as they may be; filters look at flags, if at arguments at all.
  constexpr uint64_t kAddress = 0x7f0000000000;
  uint32_t forbidden = 0;
  const auto check = [&](uint32_t bit, long number, const uint64_t(&arguments)[6]) {
    if (!FilterAllows(filter, number, arguments)) forbidden |= bit;
  };
  check(kCallFutex, SYS_futex, {kAddress, FUTEX_CMP_REQUEUE_PRIVATE, 0, 0, kAddress, 0});
  check(kCallFutex, SYS_futex, {kAddress, FUTEX_WAIT_PRIVATE, 1, kAddress, 0, 0});
  check(kCallGetPid, SYS_getpid, {0, 0, 0, 0, 0, 0});
  check(kCallMap, SYS_madvise, {kAddress, 1 << 20, kMadvPopulateWrite, 0, 0, 0});
  check(kCallMap, SYS_madvise, {kAddress, 1 << 20, kMadvWipeOnFork, 0, 0, 0});
  check(kCallMap, SYS_mmap,
        {0, 1 << 20, PROT_READ | PROT_WRITE, kMapPrivateFlags, ~uint64_t{0}, 0});
  check(kCallMap, SYS_munmap, {kAddress, 1 << 20, 0, 0, 0, 0});
  return forbidden;
}

}  // namespace tidemark::preload
