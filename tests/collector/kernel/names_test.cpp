#include <gtest/gtest.h>
#include <linux/capability.h>

#include "collector/kernel/capabilities.hpp"
#include "collector/kernel/privilege.hpp"
#include "collector/kernel/tables.hpp"

namespace fanlight::kernel {
namespace {

TEST(Capabilities, AreReadOffAStatusFile) {
  struct Case {
    const char* name;
    const char* text;
    std::optional<std::uint64_t> bits;
  };
  for (const Case& c :
       {Case{"root", "Name:\tx\nCapPrm:\t00\nCapEff:\t000001ffffffffff\nCapBnd:\t0\n", 0x1ff'ffff'ffffu},
        Case{"none", "CapEff:\t0000000000000000\n", 0u}, Case{"last line, no newline", "Name:\tx\nCapEff: 0c", 12u},
        Case{"name that looks like it", "Name:\tCapEff:\t1\n", std::nullopt}, Case{"empty", "", std::nullopt},
        Case{"no number", "CapEff:\n", std::nullopt}, Case{"not hexadecimal", "CapEff:\t12zz\n", std::nullopt},
        Case{"too long", "CapEff:\t11111111111111111\n", std::nullopt}}) {
    SCOPED_TRACE(c.name);
    EXPECT_EQ(effective_capabilities(c.text), c.bits);
  }
}

TEST(Capabilities, NameWhatIsMissing) {
  using Names = std::vector<std::string>;
  EXPECT_EQ(missing_capabilities({{"CAP_BPF", false, ""}, {"CAP_PERFMON", false, ""}, {"CAP_SYSLOG", false, ""}}),
            (Names{"CAP_BPF", "CAP_PERFMON"}));
  EXPECT_EQ(missing_capabilities({{"CAP_BPF", true, ""}, {"CAP_PERFMON", false, ""}}), (Names{"CAP_PERFMON"}));
  EXPECT_EQ(missing_capabilities({{"CAP_BPF", true, ""}, {"CAP_PERFMON", true, ""}}), (Names{}));
  EXPECT_EQ(listed({"CAP_BPF", "CAP_PERFMON"}), "CAP_BPF, CAP_PERFMON");
}

TEST(Capabilities, TheAdviceGrantsWhatIsMissingAndNoMore) {
  const std::string start = "run with sudo; in a container start it with";
  EXPECT_EQ(how_to_grant({"CAP_SYSLOG"}), start + " --cap-add SYSLOG");
  EXPECT_EQ(how_to_grant({"CAP_SYS_ADMIN"}), start + " --cap-add SYS_ADMIN");
  EXPECT_EQ(how_to_grant({"CAP_SYS_PTRACE"}), start + " --cap-add SYS_PTRACE --pid=host");
  EXPECT_EQ(how_to_grant({"CAP_BPF", "CAP_PERFMON"}), start + " --cap-add BPF --cap-add PERFMON");
  EXPECT_EQ(how_to_grant({}).find("--cap-add"), std::string::npos);
}

TEST(Privilege, OnlyWhatLookingTakesIsKept) {
  const auto set = [](std::initializer_list<unsigned> bits) {
    std::uint64_t mask = 0;
    for (const unsigned bit : bits) mask |= std::uint64_t{1} << bit;
    return mask;
  };
  struct Case {
    const char* name;
    std::uint64_t held, target, kept;
  };
  for (const Case& c :
       {Case{"an ordinary user", 0, set({CAP_CHOWN}), 0},
        Case{"root", ~std::uint64_t{0}, ~std::uint64_t{0},
             set({CAP_SYS_PTRACE, CAP_DAC_READ_SEARCH, CAP_SYSLOG, CAP_CHECKPOINT_RESTORE})},
        Case{"the three", set({CAP_BPF, CAP_PERFMON, CAP_SYS_PTRACE}), set({CAP_BPF}), set({CAP_SYS_PTRACE})},
        Case{"a container", set({CAP_CHOWN, CAP_KILL, CAP_BPF}), set({CAP_CHOWN, CAP_KILL}),
             set({CAP_CHOWN, CAP_KILL})},
        Case{"a target without any", set({CAP_CHOWN, CAP_BPF}), 0, 0}}) {
    SCOPED_TRACE(c.name);
    EXPECT_EQ(needed_to_look(c.held, c.target), c.kept);
  }
}

TEST(Names, OfMapsAndOperations) {
  EXPECT_EQ(map_type_name(1), "hash");
  EXPECT_EQ(map_type_name(10), "lru_percpu_hash");
  EXPECT_EQ(map_type_name(999), "type 999");
  EXPECT_EQ(map_operation_name(1), "lookup");
  EXPECT_EQ(map_operation_name(4), "next_key");
  EXPECT_EQ(map_operation_name(26), "update_batch");
  EXPECT_EQ(map_operation_name(5), "command 5");
  EXPECT_EQ(registry_operation_name(3), "iterate");
  EXPECT_EQ(registry_operation_name(4), "operation 4");
}

}  // namespace
}  // namespace fanlight::kernel
